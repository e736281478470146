// All rows within a radius of each query: the sweep of a search, with thresholds that are known from the start.
#pragma once

#include "knn/block_scan.hpp"
#include "knn/float_look.hpp"
#include "knn/radius_collector.hpp"

#include <memory>

namespace deeprob::knn {

// A score that no neighbour is below, in float32.
template <Filter F> float radius_threshold(const F& filter, Index query, double key) {
    const double score = filter.score_of_key(query, key);
    // Also NaN, of a radius that is beyond all numbers.
    if (!(score > double{std::numeric_limits<float>::lowest()})) return kNothing;
    const auto rounded = static_cast<float>(score);
    return just_below(double{rounded} > score ? std::nextafter(rounded, kNothing) : rounded);
}

// What one thread works with. Rows that pass wait until some panels have been swept: so a query meets several at once, and the
// queries of a block meet a row while a cache holds it.
template <Filter F> class RadiusBlock {
  public:
    RadiusBlock(
        core::Borrowed<SearchInput> input, core::Borrowed<SearchPlan> plan, core::Borrowed<F> filter, Metric metric,
        const Radius& radius
    )
        : input_(input), filter_(filter), metric_(metric), radius_(radius), scan_(plan, filter),
          look_(metric, input->train, input->queries), collector_(input, radius, plan->block_queries),
          panels_at_once_(std::max<Index>(1, kCacheBytes / std::max<Index>(1, kRows * input->train.stride))),
          thresholds_(size(plan->block_queries)), counts_(size(plan->block_queries)),
          waiting_(size(plan->block_queries * kWaiting)), values_(size(input->queries.n_features)), keys_(kWaiting) {}

    // A task, number `number`.
    void search(const SearchTask& task, Index number, NeighborLists& lists, int thread, core::LoopControl& control) {
        scan_.load(task);
        look_.clear();
        collector_.clear();
        std::ranges::fill(counts_, 0);
        for (Index q = 0; q < scan_.n_queries(); ++q) {
            thresholds_[size(q)] = radius_threshold(filter_, scan_.query(q), radius_.key);
            scan_.set_limit(q, threshold(q));
        }
        const auto limit = [this](Index q) { return threshold(q); };
        Index n_panels = 0;
        const bool ended =
            scan_.each_panel(thread, control, limit, limit, [&](Index panel, std::span<const Index> tiles) {
                sweep(panel, tiles);
                if (++n_panels % panels_at_once_ == 0) refine(lists);
            });
        if (!ended) return;
        refine(lists);
        collector_.store(number, scan_.n_queries(), lists);
    }

    [[nodiscard]] SearchCounts counts() const {
        SearchCounts counts = scan_.counts();
        counts.candidates = n_candidates_;
        counts.looked = look_.n_rows();
        counts.refined = n_refined_;
        return counts;
    }

  private:
    static constexpr Index kRows = core::kPanelRows<typename F::Value>;
    static constexpr Index kWaiting = 256;               // rows, of a query
    static constexpr Index kCacheBytes = Index{1} << 20; // of the rows between two refinements

    static std::size_t size(Index n) { return static_cast<std::size_t>(n); }
    [[nodiscard]] float threshold(Index q) const { return thresholds_[size(q)]; }

    void sweep(Index panel, std::span<const Index> tiles) {
        if constexpr (F::kLooksTwice) {
            scan_.sweep(panel, tiles, [&](Index tile, const std::uint32_t* hits) {
                scan_.each_hit(tile, hits, [&](Index /*t*/, Index q, std::uint32_t lanes) {
                    scan_.want(panel, q, lanes);
                });
            });
            scan_.look_again(panel, [&](Index q, Index position, float score) {
                if (score + filter_.error(scan_.bound(q), scan_.query(q), position, score) < threshold(q)) return;
                wait(q, position);
            });
        } else {
            scan_.sweep(panel, tiles, [&](Index tile, const std::uint32_t* hits, const auto& /*sums*/) {
                scan_.each_hit(tile, hits, [&](Index /*t*/, Index q, std::uint32_t lanes) {
                    for (; lanes != 0; lanes &= lanes - 1) wait(q, panel * kRows + std::countr_zero(lanes));
                });
            });
        }
    }

    void wait(Index q, Index position) {
        ++n_candidates_;
        Index& count = counts_[size(q)];
        if (count == kWaiting) refine(q);
        waiting_[size(q * kWaiting + count++)] = input_.positions.row(position);
    }

    void refine(NeighborLists& lists) {
        for (Index q = 0; q < scan_.n_queries() && !scan_.stop(); ++q) {
            if (counts_[size(q)] > 0) refine(q);
        }
        lists.add(std::exchange(n_neighbors_, 0));
    }

    // Keeps those of the waiting rows that are neighbours.
    void refine(Index q) {
        std::span<Index> rows{waiting_.data() + q * kWaiting, size(std::exchange(counts_[size(q)], 0))};
        if (look_.is_worth()) {
            look_.load(scan_.query(q));
            std::size_t n = 0;
            look_.look(rows, radius_.key, [&](std::size_t r) { rows[n++] = rows[r]; });
            rows = rows.first(n);
        }
        const bool directed = canonical_row(metric_, input_.queries, scan_.query(q), values_.data());
        const auto* bytes = bytes_of_query(input_.queries, scan_.query(q), input_.train);
        canonical_keys(metric_, {values_.data(), directed, bytes}, input_.train, rows, keys_.data());
        n_refined_ += std::ssize(rows);
        for (std::size_t r = 0; r < rows.size(); ++r) {
            if (keys_[r] <= radius_.key) n_neighbors_ += collector_.keep(q, {keys_[r], rows[r]});
        }
    }

    const SearchInput& input_;
    const F& filter_;
    Metric metric_;
    Radius radius_;
    BlockScan<F> scan_;
    FloatLook look_;
    RadiusCollector collector_;
    Index panels_at_once_;
    std::vector<float> thresholds_;
    std::vector<Index> counts_;  // of the rows that wait, for each query
    std::vector<Index> waiting_; // (n_queries, kWaiting)
    std::vector<double> values_; // one query
    std::vector<double> keys_;
    Index n_neighbors_ = 0; // since the last refinement
    Index n_candidates_ = 0;
    Index n_refined_ = 0;
};

// All rows within a radius of each query.
template <Filter F>
std::pair<SearchCounts, std::unique_ptr<NeighborLists>> search_radius(
    const SearchInput& input, const F& filter, Metric metric, const Radius& radius, const core::Execution& execution
) {
    const Index n_queries = input.queries.n_rows;
    if (n_queries == 0) return {SearchCounts{}, std::make_unique<NeighborLists>(0, 1, 1, radius.limit)};
    const SearchPlan plan(input, F::kSpare, F::kBlockTiles, F::kScratchBytes, execution);
    auto lists = std::make_unique<NeighborLists>(n_queries, plan.block_queries, plan.n_segments, radius.limit);
    std::vector<std::unique_ptr<RadiusBlock<F>>> workers(
        static_cast<std::size_t>(core::team_size(plan.n_tasks(), execution))
    );
    for (auto& worker : workers) worker = std::make_unique<RadiusBlock<F>>(input, plan, filter, metric, radius);
    core::parallel_for(plan.n_tasks(), execution, [&](Index number, int thread, core::LoopControl& control) {
        workers[static_cast<std::size_t>(thread)]->search(
            plan.task(number, n_queries), number, *lists, thread, control
        );
    });
    SearchCounts counts;
    for (const auto& worker : workers) counts += worker->counts();
    return {counts, std::move(lists)};
}

} // namespace deeprob::knn
