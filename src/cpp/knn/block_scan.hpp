// What every search of a block of queries does with a segment of the packed rows: panels in the order of the filter's visits, sums
// against limits. The caller keeps a threshold on the scores of each query, and decides what becomes of the rows that pass.
#pragma once

#include "core/borrowed.hpp"
#include "knn/prefix_filter.hpp"
#include "knn/search_plan.hpp"

namespace deeprob::knn {

// How much work the filter left.
struct SearchCounts {
    Index swept = 0;      // pairs of a query and a row that the filter looked at, in whole tiles and panels
    Index passed = 0;     // pairs of a query and a row that the filter, its first look if it has two, let pass
    Index candidates = 0; // of these, pairs that all its looks let pass, and that were not refined with their panel
    Index looked = 0;     // sums in float32
    Index refined = 0;    // canonical distances computed
    Index repeated = 0;   // queries that were searched again, with proven thresholds

    SearchCounts& operator+=(const SearchCounts& other) {
        swept += other.swept;
        passed += other.passed;
        candidates += other.candidates;
        looked += other.looked;
        refined += other.refined;
        repeated += other.repeated;
        return *this;
    }
};

// A threshold that scores a little below still reach: rows whose score equals it are not excluded.
inline float just_below(float threshold) {
    return threshold - (std::abs(threshold) * 0x1p-22F + std::numeric_limits<float>::min());
}

// One thread's scratch.
template <Filter F> class BlockScan {
  public:
    using Value = typename F::Value;

    BlockScan(core::Borrowed<SearchPlan> plan, core::Borrowed<F> filter)
        : filter_(filter), partial_(
                               core::n_depth_blocks(filter->depth()) > 1
                                   ? size(plan->max_tiles() * core::kTileQueries * core::kPanelRows<Value>)
                                   : 0
                           ),
          bounds_(size(plan->block_queries)), limit_apart_(plan->max_tiles() * core::kTileQueries),
          limits_(size(filter->n_limits() * limit_apart_)), wanted_(F::kLooksTwice ? size(plan->block_queries) : 0),
          visits_(filter->visits(plan->block_queries, plan->max_tiles(), plan->segment_panels)) {}

    // No row passes before limits are set.
    void load(const SearchTask& task) {
        task_ = task;
        queries_ = {task.first_query, task.last_query - task.first_query};
        // The other queries of the tiles let no row pass.
        filter_.forbid(std::span(limits_));
        looseness_ = {};
        for (Index q = 0; q < queries_.n; ++q) bounds_[size(q)] = filter_.bound(queries_.first + q);
    }

    [[nodiscard]] const SearchTask& task() const { return task_; }
    [[nodiscard]] Index n_queries() const { return queries_.n; }
    // The number among all of query q of the block.
    [[nodiscard]] Index query(Index q) const { return queries_.first + q; }
    [[nodiscard]] const QueryBound& bound(Index q) const { return bounds_[size(q)]; }

    // What the sums of a row must exceed to pass, in panels that looseness_ covers.
    void set_limit(Index q, float threshold) {
        filter_.set_limits(
            query(q), bounds_[size(q)], threshold, looseness_, limits_.data() + queries_.offset() + q, limit_apart_
        );
    }

    // Calls body(panel, tiles) for the panels of the task; false if stopped. threshold(q) is that of a query, limit(q) what set_limit
    // gets for it.
    template <class Threshold, class Limit, class Body>
    bool each_panel(
        int thread, core::LoopControl& control, const Threshold& threshold, const Limit& limit, const Body& body
    ) {
        thread_ = thread;
        control_ = &control;
        stopped_ = false;
        const auto reach = [&](Index q) { return filter_.reach(query(q), threshold(q)); };
        visits_.each(queries_, task_.first_panel, task_.last_panel, reach, [&](const Visit& visit) {
            // Looking at the clock takes as long as a panel of few columns.
            for (Index panel = visit.first; panel < visit.last && (F::kLooksTwice || !stop()); ++panel) {
                loosen(panel, limit);
                body(panel, visit.tiles);
            }
            return !stop();
        });
        return !stopped_;
    }

    // Whether the task is to end, its result unwanted.
    bool stop() { return stopped_ = stopped_ || control_->stopped(thread_); }

    // Calls passed(tile, hits) or, where sums are scores, passed(tile, hits, sums), for tiles of which rows pass.
    template <class Passed> void sweep(Index panel, std::span<const Index> tiles, const Passed& passed) {
        n_swept_ += std::ssize(tiles) * core::kTileQueries * core::kPanelRows<Value>;
        const Sweep<Value> sweep{queries_.first_tile(), tiles, panel, limits_.data(), limit_apart_, partial_.data()};
        filter_.sweep(sweep, passed);
    }

    // Calls f(t, q, lanes) for the queries that let rows of a panel pass: number t of the tile, number q of the block.
    template <class F2> void each_hit(Index tile, const std::uint32_t* hits, const F2& f) {
        for (Index t = 0; t < core::kTileQueries; ++t) {
            if (hits[t] == 0) continue;
            n_passed_ += std::popcount(hits[t]);
            f(t, tile * core::kTileQueries + t - queries_.offset(), hits[t]);
        }
    }

    // Rows that passed the first of two looks are scored once the panel is swept. Meanwhile those that nobody has asked for yet
    // come nearer.
    void want(Index panel, Index q, std::uint32_t lanes) {
        for (std::uint32_t fresh = lanes & ~fetched_; fresh != 0; fresh &= fresh - 1) {
            filter_.fetch(panel * core::kPanelRows<Value> + std::countr_zero(fresh));
        }
        fetched_ |= lanes;
        wanted_[size(n_wanted_++)] = {query(q), lanes};
    }

    // Calls f(q, position, score) for those that pass the second.
    template <class F2> void look_again(Index panel, const F2& f) {
        for (const Wanted& wanted : std::span(wanted_).first(size(n_wanted_))) {
            const Index q = wanted.query - queries_.first;
            const Value* limits = limits_.data() + queries_.offset() + q;
            filter_.look_again(wanted, panel, limits, limit_apart_, [&](Index position, float score) {
                f(q, position, score);
            });
        }
        n_wanted_ = 0;
        fetched_ = 0;
    }

    [[nodiscard]] SearchCounts counts() const { return {.swept = n_swept_, .passed = n_passed_}; }

  private:
    static std::size_t size(Index n) { return static_cast<std::size_t>(n); }

    // Limits hold from panel to panel, as long as the panels' own parts of the bounds do not change much.
    template <class Limit> void loosen(Index panel, const Limit& limit) {
        const auto looseness = filter_.looseness(panel);
        if (looseness_.covers(looseness)) return;
        looseness_ = looseness;
        for (Index q = 0; q < queries_.n; ++q) set_limit(q, limit(q));
    }

    const F& filter_;
    SearchTask task_{};
    BlockQueries queries_{};
    typename F::Looseness looseness_{}; // that the limits stand for
    core::AlignedVector<Value> partial_;
    std::vector<QueryBound> bounds_;
    Index limit_apart_;
    std::vector<Value> limits_;
    int thread_ = 0; // that scans
    core::LoopControl* control_ = nullptr;
    bool stopped_ = false;
    Index n_swept_ = 0;
    Index n_passed_ = 0;
    std::uint32_t fetched_ = 0; // rows of the panel at hand
    Index n_wanted_ = 0;
    std::vector<Wanted> wanted_; // of the panel at hand
    decltype(std::declval<const F&>().visits(0, 0, 0)) visits_;
};

} // namespace deeprob::knn
