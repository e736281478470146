// The arguments that all searches share.
#pragma once

#include "bind_checks.hpp"
#include "knn/radius_search.hpp"

namespace deeprob::bind {

// Facts that belong together cross the border as one record, a named tuple of Python's of the same fields; whoever takes one
// checks every array in it.

// The rows that are searched: train, order (the row of each position, in an order that is as good as random; none where positions
// are rows, or representatives), the representatives of duplicates, their starts and members, first_row.
using RowsRecord = std::tuple<py::array, Labels, Labels, Labels, Labels, core::Index>;
// center, scale
using CenteringRecord = std::tuple<core::ConstVector<double>, double>;
// What is searched for: as many neighbours as the outputs have columns, distances and indices,
using OutputRecord = std::tuple<core::Matrix<double>, core::Matrix<std::int64_t>>;
// or all within a radius; the limit of their number, and whether the number is all that is wanted.
using RadiusRecord = std::tuple<double, core::Index, bool>;

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

inline knn::SearchInput searched_rows(const RowsRecord& record, const core::Rows& queries) {
    const auto& [train_array, order, representatives, duplicate_starts, duplicate_members, first_row] = record;
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
    return {
        .train = train,
        .positions = positions,
        .is_scattered = is_scattered,
        .representatives = span(representatives),
        .duplicate_starts = span(duplicate_starts),
        .duplicate_members = span(duplicate_members),
        .queries = queries,
        .k = 0,
        .first_row = first_row,
        .distances = nullptr,
        .indices = nullptr,
    };
}

inline knn::SearchInput search_input(const RowsRecord& record, const core::Rows& queries, const OutputRecord& output) {
    const auto& [distances, indices] = output;
    knn::SearchInput input = searched_rows(record, queries);
    input.k = distances.cols();
    require_range("k", input.k, 1, std::numeric_limits<std::int32_t>::max());
    require_shape("distances", distances, queries.n_rows, input.k);
    require_shape("indices", indices, queries.n_rows, input.k);
    input.distances = distances.data();
    input.indices = indices.data();
    return input;
}

inline knn::SearchInput search_input(
    const RowsRecord& record, const core::Rows& queries, const RadiusRecord& record_of_radius
) {
    const auto [radius, limit, count_only] = record_of_radius;
    require(!std::isnan(radius), "radius", "must be a number");
    require_range("limit", limit, 0, std::numeric_limits<core::Index>::max());
    const knn::SearchInput input = searched_rows(record, queries);
    require_range("first_row", input.first_row, 0, 0);
    return input;
}

inline knn::Radius radius_of(knn::Metric metric, const RadiusRecord& record) {
    const auto [radius, limit, count_only] = record;
    return {knn::key_of_distance(metric, radius), limit, count_only};
}

// Searches with the filter that make_filter() returns; returns the counts.
template <class MakeFilter>
py::tuple search_with(
    const MakeFilter& make_filter, const knn::SearchInput& input, knn::Metric metric, OutputRecord& output,
    int n_threads
) {
    return counts_of(without_gil([&] {
        return knn::search(input, make_filter(), metric, search_output(output), execution(n_threads));
    }));
}

// The lists as arrays: indptr, indices, distances; of numbers alone, empty ones.
inline py::tuple arrays_of(const knn::NeighborLists& lists, knn::Metric metric, bool count_only, int n_threads) {
    const std::vector<core::Index> starts = without_gil([&] { return lists.starts(); });
    const py::array_t<std::int64_t> indptr(std::ssize(starts), starts.data());
    const core::Index n = count_only ? 0 : starts.back();
    py::array_t<std::int64_t> indices(n);
    py::array_t<double> distances(n);
    auto* const indices_out = indices.mutable_data();
    auto* const distances_out = distances.mutable_data();
    if (!count_only) {
        without_gil([&] { lists.write(metric, starts, distances_out, indices_out, execution(n_threads)); });
    }
    return py::make_tuple(indptr, indices, distances);
}

// The same for all neighbours within a radius; returns the arrays and the counts.
template <class MakeFilter>
py::tuple search_with(
    const MakeFilter& make_filter, const knn::SearchInput& input, knn::Metric metric, const RadiusRecord& record,
    int n_threads
) {
    const knn::Radius radius = radius_of(metric, record);
    const auto [counts, lists] =
        without_gil([&] { return knn::search_radius(input, make_filter(), metric, radius, execution(n_threads)); });
    return py::make_tuple(arrays_of(*lists, metric, radius.count_only, n_threads), counts_of(counts));
}

} // namespace deeprob::bind
