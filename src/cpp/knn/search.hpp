// Exact k nearest neighbours: tiles -> threshold test -> candidates -> canonical distance -> (distance, row) order.
// The result is exact, so it cannot depend on how the work is cut or on who does it.
#pragma once

#include "knn/block_search.hpp"

#include <memory>

namespace deeprob::knn {

struct SearchOutput {
    double* distances;     // (n_queries, k)
    std::int64_t* indices; // (n_queries, k)
};

struct SearchReport {
    Index unusable_query = -1; // the first query that cannot be searched
    Index n_refined = 0;       // canonical distances computed
};

// Appends all rows equal to the representative of `neighbor`, at most `limit` of them, with its key.
inline void append_group(
    const SearchInput& input, const Neighbor& neighbor, Index limit, std::vector<Neighbor>& out
) {
    const auto* const end = input.representatives + input.n_positions;
    const Index position = std::lower_bound(input.representatives, end, neighbor.row) - input.representatives;
    const Index first = input.group_starts[position];
    const Index last = std::min(input.group_starts[position + 1], first + limit);
    for (Index m = first; m < last; ++m) out.push_back({neighbor.key, input.group_members[m]});
}

// Writes the k nearest rows of one query, given its nearest distinct rows in ascending order.
inline void write_neighbors(
    const SearchInput& input, Metric metric, std::span<const Neighbor> nearest, Index query,
    const SearchOutput& output, std::vector<Neighbor>& expanded
) {
    if (input.representatives != nullptr) {
        expanded.clear();
        for (std::size_t i = 0; i < nearest.size(); ++i) {
            // Rows at the same distance are ordered by row across their groups.
            const bool tied = i > 0 && nearest[i].key == nearest[i - 1].key;
            if (!tied && static_cast<Index>(expanded.size()) >= input.k) break;
            append_group(input, nearest[i], input.k, expanded);
        }
        keep_smallest(expanded, input.k);
        nearest = {expanded.data(), static_cast<std::size_t>(input.k)};
    }
    assert(static_cast<Index>(nearest.size()) >= input.k);
    for (Index i = 0; i < input.k; ++i) {
        const Neighbor& neighbor = nearest[static_cast<std::size_t>(i)];
        output.distances[query * input.k + i] = distance_of_key(metric, neighbor.key);
        output.indices[query * input.k + i] = neighbor.row;
    }
}

// The lists of a query's segments, one after the other, until all segments are done.
class PartialNeighbors {
  public:
    PartialNeighbors(const SearchPlan& plan, Index n_queries)
        : plan_(plan), per_query_(plan.n_segments * plan.k),
          lists_(plan.n_segments > 1 ? static_cast<std::size_t>(n_queries * per_query_) : 0) {}

    void store(Index query, Index segment, std::span<const Neighbor> nearest) {
        constexpr Neighbor kNone{std::numeric_limits<double>::infinity(), std::numeric_limits<Index>::max()};
        const auto list = all(query).subspan(
            static_cast<std::size_t>(segment * plan_.k), static_cast<std::size_t>(plan_.k)
        );
        std::fill(std::copy(nearest.begin(), nearest.end(), list.begin()), list.end(), kNone);
    }

    std::span<const Neighbor> merge(Index query) {
        keep_smallest(all(query), plan_.k);
        return all(query).first(static_cast<std::size_t>(plan_.k));
    }

  private:
    std::span<Neighbor> all(Index query) {
        return {lists_.data() + query * per_query_, static_cast<std::size_t>(per_query_)};
    }

    const SearchPlan& plan_;
    Index per_query_;
    std::vector<Neighbor> lists_;
};

inline SearchReport search(
    const SearchInput& input, const Surrogate& surrogate, const SearchOutput& output,
    const core::Execution& execution
) {
    const Index n_queries = input.queries.n_rows;
    SearchReport report;
    if (n_queries == 0) return report;
    const SearchPlan plan(input, execution);
    PartialNeighbors partial(plan, n_queries);
    std::vector<std::unique_ptr<BlockSearch>> searches;
    std::vector<std::vector<Neighbor>> expanded;
    for (int t = 0; t < core::team_size(std::max(plan.n_tasks(), n_queries), execution); ++t) {
        searches.push_back(std::make_unique<BlockSearch>(input, plan, surrogate));
        expanded.emplace_back();
        if (input.representatives != nullptr) {
            expanded.back().reserve(static_cast<std::size_t>(std::min(plan.k * input.k, input.train.n_rows)));
        }
    }
    std::vector<Index> unusable(static_cast<std::size_t>(plan.n_blocks), -1);
    core::parallel_for(plan.n_tasks(), execution, [&](Index task, int thread, core::LoopControl& control) {
        const Index block = task / plan.n_segments;
        const Index segment = task % plan.n_segments;
        const Index begin = block * plan.block_queries;
        const Index end = std::min(begin + plan.block_queries, n_queries);
        const Index first_panel = segment * plan.segment_panels;
        const Index last_panel = std::min(first_panel + plan.segment_panels, plan.n_panels);
        BlockSearch& work = *searches[static_cast<std::size_t>(thread)];
        const Index bad = work.load(begin, end);
        if (segment == 0) unusable[static_cast<std::size_t>(block)] = bad;
        if (bad >= 0) return;
        if (!work.scan(first_panel, last_panel, thread, control)) return;
        for (Index q = begin; q < end; ++q) {
            if (plan.n_segments > 1) {
                partial.store(q, segment, work.nearest(q - begin));
            } else {
                write_neighbors(
                    input, surrogate.metric, work.nearest(q - begin), q, output,
                    expanded[static_cast<std::size_t>(thread)]
                );
            }
        }
    });
    if (plan.n_segments > 1) {
        core::parallel_for(n_queries, execution, [&](Index q, int thread, core::LoopControl&) {
            write_neighbors(
                input, surrogate.metric, partial.merge(q), q, output, expanded[static_cast<std::size_t>(thread)]
            );
        });
    }
    for (const Index bad : unusable) {
        if (report.unusable_query < 0) report.unusable_query = bad;
    }
    for (const auto& work : searches) report.n_refined += work->n_refined();
    return report;
}

} // namespace deeprob::knn
