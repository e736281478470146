// Searches of a tree of boxes for many queries, in blocks that are tasks.
#pragma once

#include "knn/boxes_search.hpp"
#include "knn/radius_search.hpp"

namespace deeprob::knn {

// Numbers from 0 to n in ascending order of keys below n_keys, roughly: in as many steps as there are numbers.
inline std::vector<Index> order_by(const std::vector<Index>& keys, Index n_keys) {
    const Index n = std::ssize(keys);
    const Index keys_per_bucket = core::ceil_div(n_keys, std::max<Index>(n, 1));
    std::vector<Index> starts(static_cast<std::size_t>(core::ceil_div(n_keys, keys_per_bucket) + 1));
    for (const Index key : keys) ++starts[static_cast<std::size_t>(key / keys_per_bucket + 1)];
    for (std::size_t b = 1; b < starts.size(); ++b) starts[b] += starts[b - 1];
    std::vector<Index> order(keys.size());
    for (Index i = 0; i < n; ++i) {
        const Index key = keys[static_cast<std::size_t>(i)];
        order[static_cast<std::size_t>(starts[static_cast<std::size_t>(key / keys_per_bucket)]++)] = i;
    }
    return order;
}

struct BoxReport {
    Index unusable_query = -1; // the first; nothing was searched then
    Index n_refined = 0;       // canonical distances computed
    Index n_visited = 0;       // rows of the leaves visited, once for each query
};

// All queries, each by itself, in blocks that are tasks.
class BoxSearches {
  public:
    BoxSearches(core::Borrowed<SearchInput> input, Metric metric, const core::Execution& execution)
        : input_(input), metric_(metric), execution_(execution),
          shape_(input->positions.size(), input->queries.n_features),
          workers_(static_cast<std::size_t>(core::team_size(n_tasks(), execution))),
          leaves_(static_cast<std::size_t>(input->queries.n_rows)) {}

    template <class Terms, Index kWidth, class T> void make_workers(const BoxTree<const T>& tree) {
        const Index k = std::min(input_.k, input_.positions.size());
        for (auto& worker : workers_) {
            worker = std::make_unique<BoxSearch<Terms, T, kWidth>>(shape_, tree, metric_, k, input_.train.n_rows);
        }
    }

    // Finds the leaf of each query; returns the first query that cannot be searched, or -1.
    Index place() {
        constexpr Index kUnusable = -1;
        for_blocks([&](Index /*task*/, int thread, Index begin, Index end, const auto&) {
            BoxWorker& worker = *workers_[static_cast<std::size_t>(thread)];
            for (Index q = begin; q < end; ++q) {
                leaves_[static_cast<std::size_t>(q)] = worker.load(input_.queries, q) ? worker.leaf() : kUnusable;
            }
        });
        const auto bad = std::ranges::find(leaves_, kUnusable);
        return bad == leaves_.end() ? -1 : bad - leaves_.begin();
    }

    // The nearest rows, once queries are placed.
    void search(const SearchOutput& output) {
        const Index k = std::min(input_.k, input_.positions.size());
        const Index n_expanded = input_.has_duplicates() ? std::min(k * input_.k, input_.train.n_rows) : 0;
        std::vector<std::vector<Neighbor>> expanded(workers_.size()); // scratch, one a thread
        for (auto& rows : expanded) rows.reserve(static_cast<std::size_t>(n_expanded));
        const std::vector<Index> order = order_by(leaves_, shape_.n_leaves);
        for_blocks([&](Index /*task*/, int thread, Index begin, Index end, const core::Stopped& stopped) {
            BoxWorker& worker = *workers_[static_cast<std::size_t>(thread)];
            for (Index i = begin; i < end; ++i) {
                const Index q = order[static_cast<std::size_t>(i)];
                worker.load(input_.queries, q);
                const auto nearest = worker.search(leaves_[static_cast<std::size_t>(q)], stopped);
                if (nearest.empty()) return;
                write_neighbors(input_, metric_, nearest, q, output, expanded[static_cast<std::size_t>(thread)]);
            }
        });
    }

    // All rows within a radius, once queries are placed.
    std::unique_ptr<NeighborLists> search(const Radius& radius) {
        const std::vector<Index> order = order_by(leaves_, shape_.n_leaves);
        auto lists = std::make_unique<NeighborLists>(input_.queries.n_rows, kQueriesPerTask, 1, radius.limit, order);
        std::vector<RadiusCollector> collectors(workers_.size(), RadiusCollector(input_, radius, kQueriesPerTask));
        for_blocks([&](Index task, int thread, Index begin, Index end, const core::Stopped& stopped) {
            BoxWorker& worker = *workers_[static_cast<std::size_t>(thread)];
            RadiusCollector& collector = collectors[static_cast<std::size_t>(thread)];
            std::vector<Neighbor> rows;
            collector.clear();
            for (Index i = begin; i < end; ++i) {
                rows.clear();
                worker.load(input_.queries, order[static_cast<std::size_t>(i)]);
                if (!worker.search_within(radius.key, stopped, rows)) return;
                Index n = 0;
                for (const Neighbor& neighbor : rows) n += collector.keep(i - begin, neighbor);
                lists->add(n);
            }
            collector.store(task, end - begin, *lists);
        });
        return lists;
    }

    // What was done so far.
    [[nodiscard]] BoxReport report() const {
        BoxReport report;
        for (const auto& worker : workers_) {
            report.n_refined += worker->n_refined();
            report.n_visited += worker->n_visited();
        }
        return report;
    }

  private:
    static constexpr Index kQueriesPerTask = 64;

    [[nodiscard]] Index n_tasks() const { return core::ceil_div(input_.queries.n_rows, kQueriesPerTask); }

    template <class Body> void for_blocks(const Body& body) {
        core::parallel_for(n_tasks(), execution_, [&](Index task, int thread, core::LoopControl& control) {
            const Index begin = task * kQueriesPerTask;
            const Index end = std::min(begin + kQueriesPerTask, input_.queries.n_rows);
            body(task, thread, begin, end, core::Stopped{control, thread});
        });
    }

    const SearchInput& input_;
    Metric metric_;
    core::Execution execution_;
    BoxShape shape_;
    std::vector<std::unique_ptr<BoxWorker>> workers_;
    std::vector<Index> leaves_;
};

// Calls search(searches) once the queries are placed, unless one cannot be searched.
template <class T, class Search>
BoxReport search_boxes(
    const SearchInput& input, const BoxTree<const T>& tree, Metric metric, const core::Execution& execution,
    const Search& search
) {
    BoxSearches searches(input, metric, execution);
    with_width(input.queries.n_features, [&]<Index kWidth> {
        if (metric == Metric::manhattan) {
            searches.make_workers<AbsoluteDifferences, kWidth>(tree);
        } else if (metric == Metric::chebyshev) {
            searches.make_workers<LargestDifference, kWidth>(tree);
        } else {
            searches.make_workers<SquaredDifferences, kWidth>(tree);
        }
    });
    const Index unusable = searches.place();
    if (unusable >= 0) return {.unusable_query = unusable};
    search(searches);
    return searches.report();
}

} // namespace deeprob::knn
