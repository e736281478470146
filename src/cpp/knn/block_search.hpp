// One task of a search: a block of queries against a segment of the packed training rows. The panels are swept once; what
// passes the filter is refined at the end, or earlier where the bounds cannot tell enough rows apart.
#pragma once

#include "core/borrowed.hpp"
#include "knn/float_look.hpp"
#include "knn/panel_refinement.hpp"
#include "knn/prefix_filter.hpp"
#include "knn/sample_rank.hpp"
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

// One thread's scratch and the steps of a task on it.
template <Filter F> class BlockSearch {
  public:
    using Value = typename F::Value;

    BlockSearch(
        core::Borrowed<SearchInput> input, core::Borrowed<SearchPlan> plan, core::Borrowed<F> filter, Metric metric
    )
        : input_(input), plan_(plan), filter_(filter), metric_(metric),
          candidates_(plan->block_queries, plan->k, F::kSpare), look_(metric, input->train, input->queries),
          refinement_(metric, plan->block_queries, input->queries.n_features), values_(size(input->queries.n_features)),
          partial_(
              core::n_depth_blocks(filter->depth()) > 1
                  ? size(plan->max_tiles() * core::kTileQueries * core::kPanelRows<Value>)
                  : 0
          ),
          bounds_(size(plan->block_queries)), limit_apart_(plan->max_tiles() * core::kTileQueries),
          limits_(size(filter->n_limits() * limit_apart_)),
          refined_(size(std::max(candidates_.capacity(), PanelRefinement::kLanes))),
          rows_(size(candidates_.capacity())), keys_(size(candidates_.capacity())),
          listed_(size(candidates_.capacity())), wanted_(F::kLooksTwice ? size(plan->block_queries) : 0),
          visits_(filter->visits(plan->block_queries, plan->max_tiles(), plan->segment_panels)) {}

    // Prepares for a task, whose thresholds may be guesses or not. The rows found before belong to segment 0; the others know their
    // distance only.
    void load(const SearchTask& task, bool guesses) {
        task_ = task;
        guesses_ = guesses && (filter_.guesses() || is_sampled());
        if (!guesses) counts_.repeated += task.n_queries();
        queries_ = {task.first_query, task.last_query - task.first_query};
        // The other queries of the tiles are never candidates.
        filter_.forbid(std::span(limits_));
        looseness_ = {};
        look_.clear();
        refinement_.clear();
        set_rank(task.first_panel);
        for (Index q = 0; q < queries_.n; ++q) {
            bounds_[size(q)] = filter_.bound(queries_.first + q);
            candidates_.clear(q);
            set_limit(q);
            if (input_.n_found() > 0) recall(q, task.segment == 0);
        }
    }

    // Sweeps the panels of the task; false if stopped.
    bool scan(int thread, core::LoopControl& control) {
        thread_ = thread;
        control_ = &control;
        stopped_ = false;
        const auto reach = [this](Index q) { return filter_.reach(queries_.first + q, candidates_.threshold(q)); };
        visits_.each(queries_, task_.first_panel, task_.last_panel, reach, [&](const Visit& visit) {
            // Looking at the clock takes as long as a panel of few columns.
            for (Index panel = visit.first; panel < visit.last && (F::kLooksTwice || !stop()); ++panel) {
                if (guesses_ && is_sampled()) set_rank(panel);
                set_limits(panel);
                sweep(panel, visit.tiles);
                if constexpr (F::kLooksTwice) look_again(panel);
                refine_panel(panel);
            }
            return !stop();
        });
        for (Index q = 0; q < queries_.n && !stop(); ++q) {
            candidates_.tighten(q, bounds_of(q));
            refine(q, std::numeric_limits<Index>::max());
        }
        return !stopped_;
    }

    // The nearest distinct rows of each query of the block, after scan,
    [[nodiscard]] std::span<const Neighbor> nearest(Index query) const { return candidates_.exact(query); }
    // if these are certainly the nearest: canonical distances reach the highest threshold that excluded others.
    [[nodiscard]] bool is_certain(Index query) const { return !guesses_ || candidates_.is_reached(query); }
    [[nodiscard]] SearchCounts counts() const {
        SearchCounts counts = counts_;
        counts.looked = look_.n_rows();
        return counts;
    }

  private:
    static std::size_t size(Index n) { return static_cast<std::size_t>(n); }

    // Whether the task is to end, its result unwanted.
    bool stop() { return stopped_ = stopped_ || control_->stopped(thread_); }

    // Starts from the neighbours that were found among the rows before this piece.
    void recall(Index q, bool keep) {
        const Index n_found = input_.n_found();
        for (Index i = 0; i < n_found; ++i) {
            const Index at = (queries_.first + q) * input_.k + i;
            refined_[size(i)] = {key_of_distance(metric_, input_.distances[at]), input_.indices[at]};
        }
        if (n_found == plan_.k) raise_threshold(q, refined_[size(n_found - 1)].key);
        if (keep) candidates_.merge(q, {refined_.data(), size(n_found)});
    }

    // The bounds of query q's score with the row at a position of the segment.
    [[nodiscard]] auto bounds_of(Index q) const {
        return [this, q](std::int32_t position, float score) {
            const Index at = task_.first_panel * core::kPanelRows<Value> + position;
            const float error = filter_.error(bounds_[size(q)], queries_.first + q, at, score);
            return ScoreBounds{score - lowered_by(q, at, score, error), score + error};
        };
    }

    // What a threshold leaves to the error of a score.
    [[nodiscard]] float lowered_by(Index q, Index position, float score, float error) const {
        return guesses_ ? filter_.likely_error(bounds_[size(q)], queries_.first + q, position, score) : error;
    }

    void raise_threshold(Index q, double key) {
        candidates_.raise(q, filter_.score_of_key(queries_.first + q, key));
        set_limit(q);
    }

    // Whether the panels that come first are a fair sample of all.
    [[nodiscard]] bool is_sampled() const { return !F::kLooksTwice && input_.is_scattered; }

    // Thresholds rest on so many of the rows that come up to this panel.
    void set_rank(Index panel) {
        const Index n_seen = panel + 1 - task_.first_panel;
        candidates_.set_rank(guesses_ && is_sampled() ? sample_rank(plan_.k, n_seen, task_.n_panels()) : plan_.k);
    }

    // What the sums of a row must exceed to be a candidate of query q, in panels that looseness_ covers. A row at the threshold may
    // come before those that it rests on, unless rows come in ascending order, and it is proven.
    void set_limit(Index q) {
        float threshold = candidates_.threshold(q);
        if (guesses_ || input_.is_scattered) {
            threshold -= std::abs(threshold) * 0x1p-22F + std::numeric_limits<float>::min();
        }
        filter_.set_limits(
            queries_.first + q, bounds_[size(q)], threshold, looseness_, limits_.data() + queries_.offset() + q,
            limit_apart_
        );
    }

    // Limits hold from panel to panel, as long as the panels' own parts of the bounds do not change much.
    void set_limits(Index panel) {
        const auto looseness = filter_.looseness(panel);
        if (looseness_.covers(looseness)) return;
        looseness_ = looseness;
        for (Index q = 0; q < queries_.n; ++q) set_limit(q);
    }

    void sweep(Index panel, std::span<const Index> tiles) {
        counts_.swept += std::ssize(tiles) * core::kTileQueries * core::kPanelRows<Value>;
        const Sweep<Value> sweep{queries_.first_tile(), tiles, panel, limits_.data(), limit_apart_, partial_.data()};
        if constexpr (F::kLooksTwice) {
            filter_.sweep(sweep, [&](Index tile, const std::uint32_t* hits) { note(panel, tile, hits); });
        } else {
            filter_.sweep(sweep, [&](Index tile, const std::uint32_t* hits, const core::Accumulators<Value>& sums) {
                append(panel, tile, hits, sums);
            });
        }
    }

    // Rows that may be candidates are scored once the panel is swept. Meanwhile those that nobody has asked for yet come nearer.
    void note(Index panel, Index tile, const std::uint32_t* hits) {
        for (Index t = 0; t < core::kTileQueries; ++t) {
            if (hits[t] == 0) continue;
            counts_.passed += std::popcount(hits[t]);
            const Index q = tile * core::kTileQueries + t - queries_.offset();
            if (refinement_.has(q)) {
                refinement_.want(q, hits[t]);
                continue;
            }
            for (std::uint32_t fresh = hits[t] & ~fetched_; fresh != 0; fresh &= fresh - 1) {
                filter_.fetch(panel * core::kPanelRows<Value> + std::countr_zero(fresh));
            }
            fetched_ |= hits[t];
            wanted_[size(n_wanted_++)] = {queries_.first + q, hits[t]};
        }
    }

    [[gnu::noinline]] void append(
        Index panel, Index tile, const std::uint32_t* hits, const core::Accumulators<Value>& sums
    ) {
        constexpr std::uint32_t kVectorMask = (std::uint32_t{1} << core::kLanes<Value>) - 1;
        const auto position = static_cast<std::int32_t>((panel - task_.first_panel) * core::kPanelRows<Value>);
        for (Index t = 0; t < core::kTileQueries; ++t) {
            if (hits[t] == 0) continue;
            counts_.passed += std::popcount(hits[t]);
            const Index q = tile * core::kTileQueries + t - queries_.offset();
            if (!refinement_.has(q) && candidates_.due(q)) thin_out(q);
            if (refinement_.has(q)) {
                refinement_.want(q, hits[t]);
                continue;
            }
            bool raised = false;
            for (Index v = 0; v < core::kTileVectors; ++v) {
                const std::uint32_t mask = hits[t] >> (v * core::kLanes<Value>) & kVectorMask;
                if (mask == 0) continue;
                const auto first = position + static_cast<std::int32_t>(v * core::kLanes<Value>);
                const auto scores = filter_.scores(queries_.first + q, sums.at[t][v]);
                const auto errors = filter_.errors(bounds_[size(q)], panel, scores, guesses_);
                raised |= candidates_.append(q, scores, scores - errors, first, mask);
            }
            counts_.candidates += std::popcount(hits[t]);
            if (raised) set_limit(q);
        }
    }

    // Scores the rows of the panel that passed the first filter; those that pass again become candidates.
    void look_again(Index panel) {
        for (const Wanted& wanted : std::span(wanted_).first(size(n_wanted_))) {
            const Index q = wanted.query - queries_.first;
            const Value* limits = limits_.data() + queries_.offset() + q;
            filter_.look_again(wanted, panel, limits, limit_apart_, [&](Index position, float score) {
                const float error = filter_.error(bounds_[size(q)], wanted.query, position, score);
                if (score + error < candidates_.threshold(q)) return;
                if (candidates_.due(q)) thin_out(q);
                ++counts_.candidates;
                const auto in_segment =
                    static_cast<std::int32_t>(position - task_.first_panel * core::kPanelRows<Value>);
                const float bound = score - lowered_by(q, position, score, error);
                if (candidates_.append(q, score, bound, in_segment)) set_limit(q);
            });
        }
        n_wanted_ = 0;
        fetched_ = 0;
    }

    void thin_out(Index q) {
        const auto many_left = [&] { return candidates_.count(q) > candidates_.capacity() / 2; };
        candidates_.tighten(q, bounds_of(q));
        set_limit(q);
        // Where the bounds keep more than half, they would soon be asked again: canonical distances decide, first those of the
        // best, which may exclude the others.
        if (many_left()) refine(q, plan_.k);
        if (many_left()) {
            refine(q, std::numeric_limits<Index>::max());
            refinement_.enter(q);
        }
    }

    void refine_panel(Index panel) {
        const Index first = panel * core::kPanelRows<Value>;
        counts_.refined += refinement_.serve(
            input_.train, input_.queries, look_, [&](Index lane) { return input_.positions.row(first + lane); },
            [&](Index q) { return queries_.first + q; }, [&](Index q) { return worst(q).key; },
            [&](Index q, std::uint32_t lanes, const auto& key) {
                const Neighbor last = worst(q);
                std::size_t n = 0;
                for (; lanes != 0; lanes &= lanes - 1) {
                    const Index lane = std::countr_zero(lanes);
                    const Index row = input_.first_row + input_.positions.row(first + lane);
                    if (const Neighbor neighbor{key(lane), row}; neighbor < last) refined_[n++] = neighbor;
                }
                if (n > 0) settle(q, n);
            }
        );
    }

    // Of the exact neighbours; none as long as there are fewer than k.
    [[nodiscard]] Neighbor worst(Index q) const {
        const auto exact = candidates_.exact(q);
        return std::ssize(exact) == plan_.k ? exact.back() : kNoNeighbor;
    }

    // The first n of refined_ join the exact neighbours of a query whose candidates are done with.
    void settle(Index q, std::size_t n) {
        candidates_.merge(q, {refined_.data(), n});
        if (std::ssize(candidates_.exact(q)) == plan_.k) raise_threshold(q, worst(q).key);
    }

    // Computes canonical distances of candidates, best first, until `most` are known or no other can be among the nearest.
    void refine(Index q, Index most) {
        const Index first = task_.first_panel * core::kPanelRows<Value>;
        const auto bounds = bounds_of(q);
        std::span<Candidate> rest = candidates_.list(q, listed_);
        const bool directed = canonical_row(metric_, input_.queries, queries_.first + q, values_.data());
        const auto* bytes = bytes_of_query(input_.queries, queries_.first + q, input_.train);
        const CanonicalQuery query{values_.data(), directed, bytes};
        const auto excluded = [&](const Candidate& c) {
            return bounds(c.position, c.score).high < candidates_.threshold(q);
        };
        while (!rest.empty() && most > 0) {
            // A task that is stopped in the middle of a panel needs room for the rest of it.
            if (stop()) {
                rest = {};
                break;
            }
            const std::span<Candidate> best = rest.first(size(std::min(most, batch_of(q, std::ssize(rest)))));
            std::ranges::nth_element(rest, best.end(), std::greater{}, &Candidate::score);
            for (std::size_t c = 0; c < best.size(); ++c) rows_[c] = input_.positions.row(first + best[c].position);
            // So few at once that what they raise may spare the others of a batch their canonical sums.
            const std::size_t at_once = size(std::max(Index{64}, plan_.k));
            for (std::size_t done = 0; done < best.size(); done += at_once) {
                compute(q, query, std::span(rows_).subspan(done, std::min(at_once, best.size() - done)));
            }
            most -= std::ssize(best);
            rest = rest.subspan(best.size());
            rest = rest.first(rest.size() - std::ranges::remove_if(rest, excluded).size());
        }
        candidates_.assign(q, rest);
    }

    // The canonical distances of those of the rows that may be among the nearest. Reorders the rows.
    void compute(Index q, const CanonicalQuery& query, std::span<Index> rows) {
        const std::span<const Index> left = look(q, rows);
        canonical_keys(metric_, query, input_.train, left, keys_.data());
        for (std::size_t r = 0; r < left.size(); ++r) refined_[r] = {keys_[r], input_.first_row + left[r]};
        counts_.refined += std::ssize(left);
        if (!left.empty()) settle(q, left.size());
    }

    // Those of the rows that may be among the nearest, by their sums in float32; reorders them.
    std::span<Index> look(Index q, std::span<Index> rows) {
        const double limit = worst(q).key;
        if (!(limit < kNoNeighbor.key) || !look_.is_worth()) return rows;
        look_.load(queries_.first + q);
        std::size_t n = 0;
        look_.look(rows, limit, [&](std::size_t r) { rows[n++] = rows[r]; });
        return rows.first(n);
    }

    // How many of so many candidates are refined before the threshold is raised: as many as are missing, then a part of the rest,
    // of which a higher threshold may exclude the others; but not so few that each takes another pass over the others, and all
    // rather than all but a few.
    [[nodiscard]] Index batch_of(Index q, Index n_left) const {
        constexpr Index kFewest = 8;
        const Index missing = plan_.k - std::ssize(candidates_.exact(q));
        const Index batch = std::max(kFewest, missing > 0 ? missing : n_left / 4);
        return n_left - batch < batch / 8 ? n_left : batch;
    }

    const SearchInput& input_;
    const SearchPlan& plan_;
    const F& filter_;
    Metric metric_;
    Candidates candidates_;
    FloatLook look_;
    PanelRefinement refinement_;
    BlockQueries queries_{};
    SearchTask task_{};
    bool guesses_ = false; // whether thresholds may be too high
    SearchCounts counts_;
    typename F::Looseness looseness_{}; // that the limits stand for
    std::vector<double> values_;        // one query
    core::AlignedVector<Value> partial_;
    std::vector<QueryBound> bounds_;
    Index limit_apart_;
    std::vector<Value> limits_;
    std::vector<Neighbor> refined_;
    std::vector<Index> rows_;
    std::vector<double> keys_;
    std::vector<Candidate> listed_;
    int thread_ = 0; // that scans
    core::LoopControl* control_ = nullptr;
    bool stopped_ = false;
    std::uint32_t fetched_ = 0; // rows of the panel at hand
    Index n_wanted_ = 0;
    std::vector<Wanted> wanted_; // of the panel at hand
    decltype(std::declval<const F&>().visits(0, 0, 0)) visits_;
};

} // namespace deeprob::knn
