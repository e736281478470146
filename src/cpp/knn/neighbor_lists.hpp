// The neighbours of queries that may have any number of them: in lists of tasks while these run, in one array at the end.
#pragma once

#include "core/parallel.hpp"
#include "knn/metric.hpp"
#include "knn/neighbor.hpp"

#include <atomic>
#include <numeric>
#include <stdexcept>
#include <vector>

namespace deeprob::knn {

// A neighbour of a query of the task at hand.
struct QueryNeighbor {
    Neighbor neighbor;
    Index query;
};

// The neighbours of a task's queries, one query after the other, each in ascending order; or none, if only their numbers are wanted.
struct TaskLists {
    std::vector<Index> starts; // (n_queries + 1)
    std::vector<Neighbor> neighbors;

    [[nodiscard]] Index number(Index query) const {
        return starts[static_cast<std::size_t>(query + 1)] - starts[static_cast<std::size_t>(query)];
    }
    [[nodiscard]] std::span<const Neighbor> of(Index query) const {
        const auto begin = static_cast<std::size_t>(starts[static_cast<std::size_t>(query)]);
        return std::span(neighbors).subspan(begin, static_cast<std::size_t>(number(query)));
    }
};

// Threads store the lists of different tasks at once. How many neighbours a task has is known at its end only, when memory for just
// these is asked for.
class NeighborLists {
  public:
    // Task number block * n_segments + segment has the queries [block * block_queries, ...), counted in the order of tasks: query
    // `order[i]` is number i, or number i itself where there is no order. `limit`: of the neighbours of all queries.
    NeighborLists(
        Index n_queries, Index block_queries, Index n_segments, Index limit, std::span<const Index> order = {}
    )
        : n_queries_(n_queries), block_queries_(block_queries), n_segments_(n_segments), limit_(limit),
          places_(order.size()),
          tasks_(static_cast<std::size_t>(core::ceil_div(n_queries, block_queries) * n_segments)) {
        for (std::size_t i = 0; i < order.size(); ++i) {
            places_[static_cast<std::size_t>(order[i])] = static_cast<Index>(i);
        }
    }

    // Counts n more neighbours.
    void add(Index n) {
        if (total_.fetch_add(n, std::memory_order_relaxed) + n <= limit_) return;
        throw std::overflow_error("more neighbours than the limit");
    }

    // `numbers`: of the neighbours of each query of the task; `neighbors`: all of them, or nothing.
    void store(Index number, std::span<const Index> numbers, std::span<const QueryNeighbor> neighbors) {
        TaskLists& task = tasks_[static_cast<std::size_t>(number)];
        task.starts.assign(numbers.size() + 1, 0);
        std::partial_sum(numbers.begin(), numbers.end(), task.starts.begin() + 1);
        task.neighbors.resize(neighbors.size());
        if (neighbors.empty()) return;
        std::vector<Index> ends = task.starts;
        for (const QueryNeighbor& f : neighbors) {
            task.neighbors[static_cast<std::size_t>(ends[static_cast<std::size_t>(f.query)]++)] = f.neighbor;
        }
        for (std::size_t q = 0; q < numbers.size(); ++q) {
            const auto begin = static_cast<std::size_t>(task.starts[q]);
            sort_neighbors(std::span(task.neighbors).subspan(begin, static_cast<std::size_t>(numbers[q])));
        }
    }

    // Where the neighbours of each query begin, and where the last end.
    [[nodiscard]] std::vector<Index> starts() const {
        std::vector<Index> starts(static_cast<std::size_t>(n_queries_ + 1));
        for (Index q = 0; q < n_queries_; ++q) {
            Index n = 0;
            const Index place = place_of(q);
            for (Index s = 0; s < n_segments_; ++s) n += task(place, s).number(place % block_queries_);
            starts[static_cast<std::size_t>(q + 1)] = starts[static_cast<std::size_t>(q)] + n;
        }
        return starts;
    }

    // Writes all neighbours, those of a query from its start on, in ascending order.
    void write(
        Metric metric, std::span<const Index> starts, double* distances, std::int64_t* indices,
        const core::Execution& execution
    ) const {
        core::parallel_for(
            core::ceil_div(n_queries_, kQueriesPerTask), execution, [&](Index part, int, core::LoopControl&) {
                std::vector<Neighbor> merged;
                const Index end = std::min((part + 1) * kQueriesPerTask, n_queries_);
                for (Index q = part * kQueriesPerTask; q < end; ++q) {
                    Index at = starts[static_cast<std::size_t>(q)];
                    for (const Neighbor& neighbor : all(place_of(q), merged)) {
                        distances[at] = distance_of_key(metric, neighbor.key);
                        indices[at++] = neighbor.row;
                    }
                }
            }
        );
    }

  private:
    static constexpr Index kQueriesPerTask = 64;

    [[nodiscard]] Index place_of(Index query) const {
        return places_.empty() ? query : places_[static_cast<std::size_t>(query)];
    }
    [[nodiscard]] const TaskLists& task(Index place, Index segment) const {
        return tasks_[static_cast<std::size_t>(place / block_queries_ * n_segments_ + segment)];
    }

    [[nodiscard]] std::span<const Neighbor> all(Index place, std::vector<Neighbor>& merged) const {
        if (n_segments_ == 1) return task(place, 0).of(place % block_queries_);
        merged.clear();
        for (Index s = 0; s < n_segments_; ++s) {
            const auto part = task(place, s).of(place % block_queries_);
            merged.insert(merged.end(), part.begin(), part.end());
        }
        sort_neighbors(merged);
        return merged;
    }

    Index n_queries_;
    Index block_queries_;
    Index n_segments_;
    Index limit_;
    std::vector<Index> places_; // of the queries, in the order of tasks
    std::atomic<Index> total_{0};
    std::vector<TaskLists> tasks_;
};

} // namespace deeprob::knn
