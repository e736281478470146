// Equal rows: a data set made of few distinct rows is searched by its distinct rows only.
#pragma once

#include "core/parallel.hpp"
#include "knn/canonical.hpp"

#include <vector>

namespace deeprob::knn {

// One hash a row, equal for rows of equal values (0.0 equals -0.0). Rows of equal hashes still have to be compared.
inline void hash_rows(const Rows& rows, core::MutableVector<std::uint64_t>& hashes, const core::Execution& execution) {
    constexpr Index kRowsPerTask = 256;
    const auto width = static_cast<std::size_t>(rows.n_features);
    const Index n_tasks = core::ceil_div(rows.n_rows, kRowsPerTask);
    std::vector<double> values(static_cast<std::size_t>(core::team_size(n_tasks, execution)) * width);
    core::parallel_for(n_tasks, execution, [&](Index task, int thread, core::LoopControl&) {
        double* row = values.data() + static_cast<std::size_t>(thread) * width;
        const Index end = std::min((task + 1) * kRowsPerTask, rows.n_rows);
        for (Index i = task * kRowsPerTask; i < end; ++i) {
            row_as_double(rows, i, row);
            std::uint64_t hash = 0x9e3779b97f4a7c15U;
            for (std::size_t f = 0; f < width; ++f) {
                hash = (hash ^ std::bit_cast<std::uint64_t>(row[f] + 0.0)) * 0xff51afd7ed558ccdU;
                hash ^= hash >> 32;
            }
            hashes(i) = hash;
        }
    });
}

// Whether every row has the values of its representative.
inline bool rows_equal(
    const Rows& rows, const core::ConstVector<std::int64_t>& representatives, const core::Execution& execution
) {
    constexpr Index kRowsPerTask = 256;
    const auto width = static_cast<std::size_t>(rows.n_features);
    const Index n_tasks = core::ceil_div(rows.n_rows, kRowsPerTask);
    std::vector<double> values(static_cast<std::size_t>(core::team_size(n_tasks, execution)) * 2 * width);
    std::vector<char> equal(static_cast<std::size_t>(n_tasks), 1);
    core::parallel_for(n_tasks, execution, [&](Index task, int thread, core::LoopControl&) {
        double* row = values.data() + static_cast<std::size_t>(thread) * 2 * width;
        double* other = row + width;
        const Index end = std::min((task + 1) * kRowsPerTask, rows.n_rows);
        for (Index i = task * kRowsPerTask; i < end; ++i) {
            row_as_double(rows, i, row);
            row_as_double(rows, representatives(i), other);
            if (!std::equal(row, row + width, other)) equal[static_cast<std::size_t>(task)] = 0;
        }
    });
    return std::ranges::find(equal, 0) == equal.end();
}

} // namespace deeprob::knn
