// Exact k nearest neighbours: tiles -> threshold test -> candidates -> canonical distance -> (distance, row) order.
// The result is exact, so it cannot depend on how the work is cut or on who does it.
#pragma once

#include "core/borrowed.hpp"
#include "knn/block_search.hpp"

#include <memory>

namespace deeprob::knn {

struct SearchOutput {
    double* distances;     // (n_queries, k)
    std::int64_t* indices; // (n_queries, k)
};

// The rows equal to a representative, itself among them; at most `limit`.
inline std::span<const Index> duplicates_of(
    const SearchInput& input, Index representative, Index limit = std::numeric_limits<Index>::max()
) {
    const auto place = std::ranges::lower_bound(input.representatives, representative);
    if (place == input.representatives.end() || *place != representative) throw_damaged();
    const auto number = static_cast<std::size_t>(place - input.representatives.begin());
    const Index first = input.duplicate_starts[number];
    const Index end = input.duplicate_starts[number + 1];
    if (first < 0 || first > end || end > std::ssize(input.duplicate_members)) throw_damaged();
    const auto members = input.duplicate_members.subspan(
        static_cast<std::size_t>(first), static_cast<std::size_t>(std::min(end - first, limit))
    );
    for (const Index row : members) {
        if (row < 0 || row >= input.train.n_rows) throw_damaged();
    }
    return members;
}

// Writes the k nearest rows of one query, given its nearest distinct rows in ascending order.
inline void write_neighbors(
    const SearchInput& input, Metric metric, std::span<const Neighbor> nearest, Index query, const SearchOutput& output,
    std::vector<Neighbor>& expanded
) {
    if (input.has_duplicates()) {
        expanded.clear();
        for (std::size_t i = 0; i < nearest.size(); ++i) {
            // Rows at the same distance are ordered by row, whosever duplicates they are.
            const bool tied = i > 0 && nearest[i].key == nearest[i - 1].key;
            if (!tied && std::ssize(expanded) >= input.k) break;
            for (const Index row : duplicates_of(input, nearest[i].row, input.k)) {
                expanded.push_back({nearest[i].key, row});
            }
        }
        keep_smallest(expanded, input.k);
        nearest = std::span(expanded).first(std::min(expanded.size(), static_cast<std::size_t>(input.k)));
    }
    // Bounds that hold lose no row.
    if (std::ssize(nearest) != input.n_expected() || !(nearest.back() < kNoNeighbor)) throw_damaged();
    for (Index i = 0; i < std::ssize(nearest); ++i) {
        const Neighbor& neighbor = nearest[static_cast<std::size_t>(i)];
        output.distances[query * input.k + i] = distance_of_key(metric, neighbor.key);
        output.indices[query * input.k + i] = neighbor.row;
    }
}

// The lists of a query's segments, one after the other, until all segments are done.
class PartialNeighbors {
  public:
    PartialNeighbors(core::Borrowed<SearchPlan> plan, Index n_queries)
        : plan_(plan), per_query_(plan->n_segments * plan->k),
          lists_(plan->n_segments > 1 ? static_cast<std::size_t>(n_queries * per_query_) : 0) {}

    void store(Index query, Index segment, std::span<const Neighbor> nearest) {
        const auto list =
            all(query).subspan(static_cast<std::size_t>(segment * plan_.k), static_cast<std::size_t>(plan_.k));
        std::fill(std::ranges::copy(nearest, list.begin()).out, list.end(), kNoNeighbor);
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

// Where the queries end that lie near each other. Some more take about as long as few, for which the packed rows are fetched, too.
template <class It> It end_of_near(It first, It end) {
    constexpr Index kFar = 4 * core::kTileQueries;
    const It last = std::adjacent_find(first, end, [](Index q, Index next) { return next - q > kFar; });
    return last == end ? end : last + 1;
}

// What one thread works with; made before the threads start.
template <Filter F> struct SearchWorker {
    BlockSearch<F> block;
    std::vector<Neighbor> expanded;
    std::vector<Index> uncertain; // queries that are searched again, without guesses

    SearchWorker(
        core::Borrowed<SearchInput> input, core::Borrowed<SearchPlan> plan, core::Borrowed<F> filter, Metric metric
    )
        : block(input, plan, filter, metric) {
        uncertain.reserve(static_cast<std::size_t>(plan->block_queries));
        if (input->has_duplicates()) {
            expanded.reserve(static_cast<std::size_t>(std::min(plan->k * input->k, input->train.n_rows)));
        }
    }
};

// A search: its tasks, and what becomes of the neighbours that they find.
template <Filter F> class Search {
  public:
    Search(
        core::Borrowed<SearchInput> input, core::Borrowed<F> filter, Metric metric, const SearchOutput& output,
        const core::Execution& execution
    )
        : input_(input), metric_(metric), output_(output), execution_(execution),
          plan_(*input, F::kSpare, F::kBlockTiles, F::kScratchBytes, execution), partial_(plan_, input->queries.n_rows),
          workers_(size(core::team_size(std::max(plan_.n_tasks(), input->queries.n_rows), execution))) {
        for (auto& worker : workers_) worker = std::make_unique<SearchWorker<F>>(input, plan_, filter, metric);
    }

    // Its workers refer to its plan.
    Search(const Search&) = delete;
    Search& operator=(const Search&) = delete;

    SearchCounts run() {
        const Index n_queries = input_.queries.n_rows;
        core::parallel_for(plan_.n_tasks(), execution_, [&](Index number, int thread, core::LoopControl& control) {
            search(plan_.task(number, n_queries), thread, control);
        });
        if (plan_.n_segments > 1) {
            core::parallel_for(n_queries, execution_, [&](Index q, int thread, core::LoopControl&) {
                write(q, partial_.merge(q), thread);
            });
        }
        SearchCounts counts;
        for (const auto& worker : workers_) counts += worker->block.counts();
        return counts;
    }

  private:
    static std::size_t size(Index n) { return static_cast<std::size_t>(n); }

    // With thresholds that may be guesses, then without for queries where these were wrong.
    void search(const SearchTask& task, int thread, core::LoopControl& control) {
        SearchWorker<F>& worker = *workers_[size(thread)];
        worker.block.load(task, true);
        if (!worker.block.scan(thread, control)) return;
        std::vector<Index>& uncertain = worker.uncertain;
        uncertain.clear();
        for (Index q = task.first_query; q < task.last_query; ++q) {
            if (worker.block.is_certain(q - task.first_query)) {
                deliver(q, task, thread);
            } else {
                uncertain.push_back(q);
            }
        }
        for (auto first = uncertain.begin(); first != uncertain.end();) {
            const auto last = end_of_near(first, uncertain.end());
            SearchTask again = task;
            again.first_query = *first;
            again.last_query = *(last - 1) + 1;
            worker.block.load(again, false);
            if (!worker.block.scan(thread, control)) return;
            // The others in between have been delivered, and where rows come in pieces, they would be found twice now.
            for (; first != last; ++first) deliver(*first, again, thread);
        }
    }

    // What a task found for a query.
    void deliver(Index query, const SearchTask& task, int thread) {
        const auto nearest = workers_[size(thread)]->block.nearest(query - task.first_query);
        if (plan_.n_segments > 1) {
            partial_.store(query, task.segment, nearest);
        } else {
            write(query, nearest, thread);
        }
    }

    void write(Index query, std::span<const Neighbor> nearest, int thread) {
        write_neighbors(input_, metric_, nearest, query, output_, workers_[size(thread)]->expanded);
    }

    const SearchInput& input_;
    Metric metric_;
    SearchOutput output_;
    core::Execution execution_;
    SearchPlan plan_;
    PartialNeighbors partial_;
    std::vector<std::unique_ptr<SearchWorker<F>>> workers_;
};

template <Filter F>
SearchCounts search(
    const SearchInput& input, const F& filter, Metric metric, const SearchOutput& output,
    const core::Execution& execution
) {
    if (input.queries.n_rows == 0) return {};
    return Search<F>(input, filter, metric, output, execution).run();
}

} // namespace deeprob::knn
