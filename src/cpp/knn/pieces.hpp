// Training rows that are searched piece by piece.
#pragma once

#include "core/parallel.hpp"
#include "knn/metric.hpp"
#include "knn/neighbor.hpp"

#include <cstdint>
#include <vector>

namespace deeprob::knn {

// Neighbours of each query, nearest first: (n_queries, k).
struct PieceLists {
    const double* distances;
    const std::int64_t* indices;
    Index k;

    [[nodiscard]] Neighbor at(Metric metric, Index query, Index i) const {
        return {key_of_distance(metric, distances[query * k + i]), indices[query * k + i]};
    }
};

// Merges the neighbours among a piece, whose rows are numbered from `first_row` on, into those among the rows before it: the
// first n_earlier of each query in the outputs, (n_queries, k).
inline void merge_piece(
    Metric metric, const PieceLists& piece, Index first_row, Index n_queries, Index k, double* distances,
    std::int64_t* indices, const core::Execution& execution
) {
    constexpr Index kQueriesPerTask = 256;
    const Index n_earlier = std::min(k, first_row);
    const Index n_tasks = core::ceil_div(n_queries, kQueriesPerTask);
    const auto n_threads = static_cast<std::size_t>(core::team_size(n_tasks, execution));
    std::vector<Neighbor> buffers(n_threads * static_cast<std::size_t>(n_earlier));
    core::parallel_for(n_tasks, execution, [&](Index task, int thread, core::LoopControl&) {
        Neighbor* const earlier = buffers.data() + thread * n_earlier;
        const Index end = std::min((task + 1) * kQueriesPerTask, n_queries);
        for (Index q = task * kQueriesPerTask; q < end; ++q) {
            const PieceLists before{distances, indices, k};
            for (Index i = 0; i < n_earlier; ++i) earlier[i] = before.at(metric, q, i);
            const Index n_merged = std::min(k, n_earlier + piece.k);
            Index a = 0;
            Index b = 0;
            for (Index i = 0; i < n_merged; ++i) {
                Neighbor next = kNoNeighbor;
                if (b < piece.k) {
                    next = piece.at(metric, q, b);
                    next.row += first_row;
                }
                if (b == piece.k || (a < n_earlier && !(next < earlier[a]))) {
                    next = earlier[a++];
                } else {
                    ++b;
                }
                distances[q * k + i] = distance_of_key(metric, next.key);
                indices[q * k + i] = next.row;
            }
        }
    });
}

} // namespace deeprob::knn
