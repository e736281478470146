// One task of a search: a block of queries against a segment of the packed training rows. The panels are swept once; what
// passes the filter is refined at the end, or earlier where the bounds cannot tell enough rows apart.
#pragma once

#include "core/borrowed.hpp"
#include "knn/filters.hpp"
#include "knn/panel_refinement.hpp"
#include "knn/search_plan.hpp"

namespace deeprob::knn {

// How much work the filter left.
struct SearchCounts {
    Index passed = 0;  // pairs of a query and a row that the filter, its first stage if it has two, let pass
    Index refined = 0; // canonical distances computed
};

// One thread's scratch and the steps of a task on it.
template <Filter F> class BlockSearch {
  public:
    using Value = typename F::Value;

    BlockSearch(
        core::Borrowed<SearchInput> input, core::Borrowed<SearchPlan> plan, core::Borrowed<F> filter, Metric metric
    )
        : input_(input), plan_(plan), filter_(filter), metric_(metric),
          candidates_(plan->block_queries, plan->k, F::kSpare),
          refinement_(metric, plan->block_queries, input->queries.n_features), values_(size(input->queries.n_features)),
          partial_(
              core::n_depth_blocks(filter->depth()) > 1
                  ? size(plan->max_tiles() * core::kTileQueries * core::kPanelRows<Value>)
                  : 0
          ),
          bounds_(size(plan->block_queries)), limits_(size(plan->max_tiles() * core::kTileQueries)),
          refined_(size(std::max(candidates_.capacity(), PanelRefinement::kLanes))),
          rows_(size(candidates_.capacity())), keys_(size(candidates_.capacity())),
          listed_(size(candidates_.capacity())),
          pairs_(F::kLooksTwice ? size(plan->block_queries * core::kPanelRows<Value>) : 0), distances_(pairs_.size()),
          visit_order_(filter->ranges()) {}

    // Prepares for queries [begin, end). The rows found before belong to segment 0; the others know their distance only.
    void load(Index begin, Index end, Index segment) {
        first_query_ = begin;
        n_queries_ = end - begin;
        first_tile_ = begin / core::kTileQueries;
        n_tiles_ = core::ceil_div(end, core::kTileQueries) - first_tile_;
        // The other queries of the tiles are never candidates.
        constexpr Value kAbove = std::numeric_limits<Value>::has_infinity ? std::numeric_limits<Value>::infinity()
                                                                          : std::numeric_limits<Value>::max();
        std::ranges::fill(limits_, kAbove);
        norm_ = slack_ = 0;
        refinement_.clear();
        for (Index q = 0; q < n_queries_; ++q) {
            bounds_[size(q)] = filter_.bound(begin + q);
            candidates_.clear(q);
            set_limit(q);
            if (input_.n_found() > 0) recall(q, segment == 0);
        }
    }

    // Sweeps the panels [begin, end); false if stopped.
    bool scan(Index begin, Index end, int thread, core::LoopControl& control) {
        segment_ = begin;
        thread_ = thread;
        control_ = &control;
        stopped_ = false;
        for (const PanelRange& range : visit_order_.plan(first_query_, first_query_ + n_queries_, begin, end)) {
            for (Index panel = range.first; panel < range.last; ++panel) {
                if (stop()) return false;
                set_limits(panel);
                sweep(panel);
                if constexpr (F::kLooksTwice) look_again();
                refine_panel(panel);
            }
        }
        for (Index q = 0; q < n_queries_ && !stop(); ++q) {
            candidates_.tighten(q, error_of(q));
            refine(q, std::numeric_limits<Index>::max());
        }
        return !stopped_;
    }

    // The nearest distinct rows of each query of the block, after scan.
    [[nodiscard]] std::span<const Neighbor> nearest(Index query) const { return candidates_.exact(query); }
    [[nodiscard]] const SearchCounts& counts() const { return counts_; }

  private:
    static std::size_t size(Index n) { return static_cast<std::size_t>(n); }

    // Whether the task is to end, its result unwanted.
    bool stop() { return stopped_ = stopped_ || control_->stopped(thread_); }

    // Query 0 of the block is this one of its first tile.
    [[nodiscard]] Index offset() const { return first_query_ - first_tile_ * core::kTileQueries; }

    // Starts from the neighbours that were found among the rows before this piece.
    void recall(Index q, bool keep) {
        const Index n_found = input_.n_found();
        for (Index i = 0; i < n_found; ++i) {
            const Index at = (first_query_ + q) * input_.k + i;
            refined_[size(i)] = {key_of_distance(metric_, input_.distances[at]), input_.indices[at]};
        }
        if (n_found == plan_.k) raise_threshold(q, refined_[size(n_found - 1)].key);
        if (keep) candidates_.merge(q, {refined_.data(), size(n_found)});
    }

    // The error of query q's score with the row at a position of the segment, rounded up.
    [[nodiscard]] auto error_of(Index q) const {
        return [this, q](std::int32_t position, float score) {
            const Index at = segment_ * core::kPanelRows<Value> + position;
            return filter_.error(bounds_[size(q)], first_query_ + q, at, score);
        };
    }

    void raise_threshold(Index q, double key) {
        candidates_.raise(q, filter_.score_of_key(first_query_ + q, key));
        set_limit(q);
    }

    // The sum that a row must exceed to be a candidate of query q, in a panel whose norm and slack are at most norm_ and slack_.
    void set_limit(Index q) {
        const QueryBound& bound = bounds_[size(q)];
        const float error = bound.product * norm_ + bound.constant + bound.panel * slack_;
        float threshold = candidates_.threshold(q) - error;
        // -infinity stays: its product with relative = 0 is NaN. So is that of an infinite factor and a norm of 0: no bound at all.
        if (std::isnan(threshold)) threshold = kNothing;
        if (!std::isinf(threshold)) threshold -= std::abs(threshold) * bound.relative;
        limits_[size(offset() + q)] = filter_.limit(first_query_ + q, threshold);
    }

    // Limits hold from panel to panel, as long as the panels' own parts of the bounds do not change much.
    void set_limits(Index panel) {
        constexpr float kSimilar = 0.9F;
        const float norm = filter_.packed().norm[panel];
        const float slack = filter_.packed().slack[panel];
        if (norm <= norm_ && norm >= kSimilar * norm_ && slack <= slack_ && slack >= kSimilar * slack_) return;
        norm_ = norm;
        slack_ = slack;
        for (Index q = 0; q < n_queries_; ++q) set_limit(q);
    }

    void sweep(Index panel) {
        const core::QueryBlock<Value> block{
            filter_.query_tiles() + first_tile_ * filter_.depth() * core::kTileQueries, n_tiles_, filter_.depth(),
            partial_.data()
        };
        filter_.sweep(block, panel, [&](Index tile, const core::Accumulators<Value>& sums) {
            collect(panel, tile, sums);
        });
    }

    [[gnu::always_inline]] void collect(Index panel, Index tile, const core::Accumulators<Value>& sums) {
        const Value* limits = limits_.data() + tile * core::kTileQueries;
        std::uint32_t hits[core::kTileQueries];
        std::uint32_t any = 0;
        for (Index q = 0; q < core::kTileQueries; ++q) {
            const auto limit = core::broadcast(limits[q]);
            hits[q] = 0;
            for (Index v = 0; v < core::kTileVectors; ++v) {
                hits[q] |= core::greater(sums.at[q][v], limit) << (v * core::kLanes<Value>);
            }
            any |= hits[q];
        }
        if (any != 0) [[unlikely]] {
            // A copy, so that the accumulators need an address here only.
            const core::Accumulators<Value> copy = sums;
            append(panel, tile, copy, hits);
        }
    }

    [[gnu::noinline]] void append(
        Index panel, Index tile, const core::Accumulators<Value>& sums, const std::uint32_t* hits
    ) {
        constexpr std::uint32_t kVectorMask = (std::uint32_t{1} << core::kLanes<Value>) - 1;
        const auto position = static_cast<std::int32_t>((panel - segment_) * core::kPanelRows<Value>);
        for (Index t = 0; t < core::kTileQueries; ++t) {
            if (hits[t] == 0) continue;
            counts_.passed += std::popcount(hits[t]);
            const Index q = tile * core::kTileQueries + t - offset();
            if constexpr (!F::kLooksTwice) {
                if (!refinement_.has(q) && candidates_.due(q)) thin_out(q);
            }
            if (refinement_.has(q)) {
                refinement_.want(q, hits[t]);
            } else if constexpr (F::kLooksTwice) {
                note_pairs(q, panel * core::kPanelRows<Value>, hits[t]);
            } else {
                bool raised = false;
                for (Index v = 0; v < core::kTileVectors; ++v) {
                    const std::uint32_t mask = hits[t] >> (v * core::kLanes<Value>) & kVectorMask;
                    if (mask == 0) continue;
                    const auto first = position + static_cast<std::int32_t>(v * core::kLanes<Value>);
                    const auto scores = filter_.scores(first_query_ + q, sums.at[t][v]);
                    const auto errors = panel_error(bounds_[size(q)], filter_.packed(), panel, scores);
                    raised |= candidates_.append(q, scores, errors, first, mask);
                }
                if (raised) set_limit(q);
            }
        }
    }

    void note_pairs(Index q, Index first, std::uint32_t lanes) {
        // While other tiles are swept, rows that nobody has asked for yet come nearer.
        for (std::uint32_t fresh = lanes & ~fetched_; fresh != 0; fresh &= fresh - 1) {
            filter_.fetch(first + std::countr_zero(fresh));
        }
        fetched_ |= lanes;
        for (; lanes != 0; lanes &= lanes - 1) {
            pairs_[size(n_pairs_++)] = {first_query_ + q, first + std::countr_zero(lanes)};
        }
    }

    // Scores the panel's pairs that passed the first filter; those that pass again become candidates.
    void look_again() {
        const std::span<const Pair> pairs{pairs_.data(), size(std::exchange(n_pairs_, 0))};
        fetched_ = 0;
        filter_.distances(pairs, distances_.data());
        for (std::size_t p = 0; p < pairs.size(); ++p) {
            const Index q = pairs[p].query - first_query_;
            const Index position = pairs[p].position - segment_ * core::kPanelRows<Value>;
            const float score = -distances_[p];
            const float error = filter_.error(bounds_[size(q)], pairs[p].query, pairs[p].position, score);
            if (score + error < candidates_.threshold(q)) continue;
            if (candidates_.due(q)) thin_out(q);
            if (candidates_.append(q, score, error, static_cast<std::int32_t>(position))) set_limit(q);
        }
    }

    void thin_out(Index q) {
        const auto many_left = [&] { return candidates_.count(q) > candidates_.capacity() / 2; };
        candidates_.tighten(q, error_of(q));
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
            input_.train, input_.queries, [&](Index lane) { return input_.positions.row(first + lane); },
            [&](Index q) { return first_query_ + q; }, [&](Index q) { return worst(q).key; },
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
        const Index first = segment_ * core::kPanelRows<Value>;
        const auto error = error_of(q);
        std::span<Candidate> rest = candidates_.list(q, listed_);
        const bool directed = canonical_row(metric_, input_.queries, first_query_ + q, values_.data());
        const auto* bytes = bytes_of_query(input_.queries, first_query_ + q, input_.train);
        const CanonicalQuery query{values_.data(), directed, bytes};
        const auto excluded = [&](const Candidate& c) {
            return c.score + error(c.position, c.score) < candidates_.threshold(q);
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
            canonical_keys(metric_, query, input_.train, {rows_.data(), best.size()}, keys_.data());
            for (std::size_t c = 0; c < best.size(); ++c) refined_[c] = {keys_[c], input_.first_row + rows_[c]};
            counts_.refined += std::ssize(best);
            most -= std::ssize(best);
            settle(q, best.size());
            rest = rest.subspan(best.size());
            rest = rest.first(rest.size() - std::ranges::remove_if(rest, excluded).size());
        }
        candidates_.assign(q, rest);
    }

    // How many of so many candidates are refined before the threshold is raised: few, as it may exclude the others, but as many
    // as are missing, and not so few that each takes another pass over the others and the exact neighbours.
    [[nodiscard]] Index batch_of(Index q, Index n_left) const {
        constexpr Index kFewest = 8;
        constexpr Index kMostPasses = 16;
        const Index missing = plan_.k - std::ssize(candidates_.exact(q));
        return std::min(n_left, std::max({kFewest, missing, plan_.k / kMostPasses, n_left / kMostPasses}));
    }

    const SearchInput& input_;
    const SearchPlan& plan_;
    const F& filter_;
    Metric metric_;
    Candidates candidates_;
    PanelRefinement refinement_;
    Index first_query_ = 0;
    Index n_queries_ = 0;
    Index first_tile_ = 0;
    Index n_tiles_ = 0;
    Index segment_ = 0; // first panel
    SearchCounts counts_;
    float norm_ = 0; // that the limits stand for
    float slack_ = 0;
    std::vector<double> values_; // one query
    core::AlignedVector<Value> partial_;
    std::vector<QueryBound> bounds_;
    std::vector<Value> limits_;
    std::vector<Neighbor> refined_;
    std::vector<Index> rows_;
    std::vector<double> keys_;
    std::vector<Candidate> listed_;
    int thread_ = 0; // that scans
    core::LoopControl* control_ = nullptr;
    bool stopped_ = false;
    std::uint32_t fetched_ = 0; // rows of the panel at hand
    Index n_pairs_ = 0;
    std::vector<Pair> pairs_; // of the panel at hand, numbered among all queries and positions
    std::vector<float> distances_;
    VisitOrder visit_order_;
};

} // namespace deeprob::knn
