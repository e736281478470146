// The arguments that all searches share.
#pragma once

#include "bind_checks.hpp"
#include "knn/search.hpp"

namespace deeprob::bind {

inline knn::SearchInput search_input(
    const core::Rows& train, const Labels& representatives, const Labels& group_starts, const Labels& group_members,
    core::Index first_row, const core::Rows& queries, const core::Matrix<double>& distances,
    const core::Matrix<std::int64_t>& indices
) {
    require_rows("train", train, train.n_features);
    require(train.n_rows > 0, "train", "must have at least one row");
    require_rows("queries", queries, train.n_features);
    require_aligned("representatives", representatives);
    require_aligned("group_starts", group_starts);
    require_aligned("group_members", group_members);
    const knn::Positions positions(span(representatives), train.n_rows);
    if (group_starts.size() > 0) require_size("group_starts", group_starts, representatives.size() + 1);
    require_range("first_row", first_row, 0, std::numeric_limits<std::int32_t>::max() * core::Index{1024});
    const core::Index k = distances.cols();
    require_range("k", k, 1, std::numeric_limits<std::int32_t>::max());
    require_shape("distances", distances, queries.n_rows, k);
    require_shape("indices", indices, queries.n_rows, k);
    return {
        .train = train,
        .positions = positions,
        .group_starts = span(group_starts),
        .group_members = span(group_members),
        .queries = queries,
        .k = k,
        .first_row = first_row,
        .distances = distances.data(),
        .indices = indices.data(),
    };
}

} // namespace deeprob::bind
