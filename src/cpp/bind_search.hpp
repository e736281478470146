// The arguments that all searches share.
#pragma once

#include "bind_checks.hpp"
#include "knn/search.hpp"

namespace deeprob::bind {

// Facts that belong together cross the border as one record, a named tuple of Python's of the same fields; whoever takes one
// checks every array in it.

// The rows that are searched: train, order (the row of each position, in an order that is as good as random; none where positions
// are rows, or representatives), the representatives of duplicates, their starts and members, first_row.
using RowsRecord = std::tuple<py::array, Labels, Labels, Labels, Labels, core::Index>;
// center, scale
using CenteringRecord = std::tuple<core::ConstVector<double>, double>;
// distances, indices
using OutputRecord = std::tuple<core::Matrix<double>, core::Matrix<std::int64_t>>;

inline knn::Centering centering_of(const std::string& metric, const CenteringRecord& centering_record) {
    const auto& [center, scale] = centering_record;
    return {knn::metric_named(metric), center.data(), center.size(), scale};
}

inline knn::SearchOutput search_output(OutputRecord& output) {
    return {std::get<0>(output).data(), std::get<1>(output).data()};
}

inline py::tuple counts_of(const knn::SearchCounts& counts) {
    return py::make_tuple(
        counts.swept, counts.passed, counts.candidates, counts.looked, counts.refined, counts.repeated
    );
}

inline knn::SearchInput search_input(const RowsRecord& record, const core::Rows& queries, const OutputRecord& output) {
    const auto& [train_array, order, representatives, duplicate_starts, duplicate_members, first_row] = record;
    const auto& [distances, indices] = output;
    const core::Rows train = rows_of(train_array);
    require_rows("train", train, train.n_features);
    require(train.n_rows > 0, "train", "must have at least one row");
    require_rows("queries", queries, train.n_features);
    require_aligned("positions", order);
    require_aligned("representatives", representatives);
    require_aligned("starts", duplicate_starts);
    require_aligned("members", duplicate_members);
    const bool is_scattered = order.size() > 0;
    const knn::Positions positions(span(is_scattered ? order : representatives), train.n_rows);
    if (duplicate_starts.size() > 0) {
        require_size("starts", duplicate_starts, representatives.size() + 1);
        require_range("the number of positions", positions.size(), representatives.size(), representatives.size());
    }
    require_range("first_row", first_row, 0, std::numeric_limits<std::int32_t>::max() * core::Index{1024});
    const core::Index k = distances.cols();
    require_range("k", k, 1, std::numeric_limits<std::int32_t>::max());
    require_shape("distances", distances, queries.n_rows, k);
    require_shape("indices", indices, queries.n_rows, k);
    return {
        .train = train,
        .positions = positions,
        .is_scattered = is_scattered,
        .representatives = span(representatives),
        .duplicate_starts = span(duplicate_starts),
        .duplicate_members = span(duplicate_members),
        .queries = queries,
        .k = k,
        .first_row = first_row,
        .distances = distances.data(),
        .indices = indices.data(),
    };
}

} // namespace deeprob::bind
