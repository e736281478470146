// One task of a search: a block of queries against a segment of the packed training rows. The panels are swept once; what
// passes the filter is refined at the end, or earlier where the bounds cannot tell enough rows apart.
#pragma once

#include "knn/block_scan.hpp"
#include "knn/float_look.hpp"
#include "knn/panel_refinement.hpp"
#include "knn/sample_rank.hpp"

namespace deeprob::knn {

// One thread's scratch and the steps of a task on it.
template <Filter F> class BlockSearch {
  public:
    using Value = typename F::Value;

    BlockSearch(
        core::Borrowed<SearchInput> input, core::Borrowed<SearchPlan> plan, core::Borrowed<F> filter, Metric metric
    )
        : input_(input), plan_(plan), filter_(filter), metric_(metric), scan_(plan, filter),
          candidates_(plan->block_queries, plan->k, F::kSpare), look_(metric, input->train, input->queries),
          refinement_(metric, plan->block_queries, input->queries.n_features), values_(size(input->queries.n_features)),
          refined_(size(std::max(candidates_.capacity(), PanelRefinement::kLanes))),
          rows_(size(candidates_.capacity())), keys_(size(candidates_.capacity())),
          listed_(size(candidates_.capacity())) {}

    // Prepares for a task, whose thresholds may be guesses or not. The rows found before belong to segment 0; the others know their
    // distance only.
    void load(const SearchTask& task, bool guesses) {
        scan_.load(task);
        guesses_ = guesses && (filter_.guesses() || is_sampled());
        if (!guesses) n_repeated_ += task.n_queries();
        look_.clear();
        refinement_.clear();
        set_rank(task.first_panel);
        for (Index q = 0; q < scan_.n_queries(); ++q) {
            candidates_.clear(q);
            set_limit(q);
            if (input_.n_found() > 0) recall(q, task.segment == 0);
        }
    }

    // Sweeps the panels of the task; false if stopped.
    bool scan(int thread, core::LoopControl& control) {
        const auto threshold = [this](Index q) { return candidates_.threshold(q); };
        const auto limit = [this](Index q) { return limit_of(q); };
        const auto visit = [&](Index panel, std::span<const Index> tiles) {
            if (guesses_ && is_sampled()) set_rank(panel);
            sweep(panel, tiles);
            if constexpr (F::kLooksTwice) look_again(panel);
            refine_panel(panel);
        };
        if (!scan_.each_panel(thread, control, threshold, limit, visit)) return false;
        for (Index q = 0; q < scan_.n_queries() && !scan_.stop(); ++q) {
            candidates_.tighten(q, bounds_of(q));
            refine(q, std::numeric_limits<Index>::max());
        }
        return !scan_.stop();
    }

    // The nearest distinct rows of each query of the block, after scan,
    [[nodiscard]] std::span<const Neighbor> nearest(Index query) const { return candidates_.exact(query); }
    // if these are certainly the nearest: canonical distances reach the highest threshold that excluded others.
    [[nodiscard]] bool is_certain(Index query) const { return !guesses_ || candidates_.is_reached(query); }
    [[nodiscard]] SearchCounts counts() const {
        SearchCounts counts = scan_.counts();
        counts.candidates = n_candidates_;
        counts.looked = look_.n_rows();
        counts.refined = n_refined_;
        counts.repeated = n_repeated_;
        return counts;
    }

  private:
    static std::size_t size(Index n) { return static_cast<std::size_t>(n); }

    // Starts from the neighbours that were found among the rows before this piece.
    void recall(Index q, bool keep) {
        const Index n_found = input_.n_found();
        for (Index i = 0; i < n_found; ++i) {
            const Index at = scan_.query(q) * input_.k + i;
            refined_[size(i)] = {key_of_distance(metric_, input_.distances[at]), input_.indices[at]};
        }
        if (n_found == plan_.k) raise_threshold(q, refined_[size(n_found - 1)].key);
        if (keep) candidates_.merge(q, {refined_.data(), size(n_found)});
    }

    // The bounds of query q's score with the row at a position of the segment.
    [[nodiscard]] auto bounds_of(Index q) const {
        return [this, q](std::int32_t position, float score) {
            const Index at = scan_.task().first_panel * core::kPanelRows<Value> + position;
            const float error = filter_.error(scan_.bound(q), scan_.query(q), at, score);
            return ScoreBounds{score - lowered_by(q, at, score, error), score + error};
        };
    }

    // What a threshold leaves to the error of a score.
    [[nodiscard]] float lowered_by(Index q, Index position, float score, float error) const {
        return guesses_ ? filter_.likely_error(scan_.bound(q), scan_.query(q), position, score) : error;
    }

    void raise_threshold(Index q, double key) {
        candidates_.raise(q, filter_.score_of_key(scan_.query(q), key));
        set_limit(q);
    }

    // Whether the panels that come first are a fair sample of all.
    [[nodiscard]] bool is_sampled() const { return !F::kLooksTwice && input_.is_scattered; }

    // Thresholds rest on so many of the rows that come up to this panel.
    void set_rank(Index panel) {
        const Index n_seen = panel + 1 - scan_.task().first_panel;
        candidates_.set_rank(
            guesses_ && is_sampled() ? sample_rank(plan_.k, n_seen, scan_.task().n_panels()) : plan_.k
        );
    }

    // A row at the threshold may come before those that it rests on, unless rows come in ascending order, and it is proven.
    [[nodiscard]] float limit_of(Index q) const {
        const float threshold = candidates_.threshold(q);
        return guesses_ || input_.is_scattered ? just_below(threshold) : threshold;
    }

    void set_limit(Index q) { scan_.set_limit(q, limit_of(q)); }

    void sweep(Index panel, std::span<const Index> tiles) {
        if constexpr (F::kLooksTwice) {
            scan_.sweep(panel, tiles, [&](Index tile, const std::uint32_t* hits) { want(panel, tile, hits); });
        } else {
            scan_.sweep(
                panel, tiles, [&](Index tile, const std::uint32_t* hits, const core::Accumulators<Value>& sums) {
                    append(panel, tile, hits, sums);
                }
            );
        }
    }

    void want(Index panel, Index tile, const std::uint32_t* hits) {
        scan_.each_hit(tile, hits, [&](Index /*t*/, Index q, std::uint32_t lanes) {
            if (refinement_.has(q)) {
                refinement_.want(q, lanes);
            } else {
                scan_.want(panel, q, lanes);
            }
        });
    }

    [[gnu::noinline]] void append(
        Index panel, Index tile, const std::uint32_t* hits, const core::Accumulators<Value>& sums
    ) {
        constexpr std::uint32_t kVectorMask = (std::uint32_t{1} << core::kLanes<Value>) - 1;
        const auto position = static_cast<std::int32_t>((panel - scan_.task().first_panel) * core::kPanelRows<Value>);
        scan_.each_hit(tile, hits, [&](Index t, Index q, std::uint32_t lanes) {
            if (!refinement_.has(q) && candidates_.due(q)) thin_out(q);
            if (refinement_.has(q)) {
                refinement_.want(q, lanes);
                return;
            }
            bool raised = false;
            for (Index v = 0; v < core::kTileVectors; ++v) {
                const std::uint32_t mask = lanes >> (v * core::kLanes<Value>) & kVectorMask;
                if (mask == 0) continue;
                const auto first = position + static_cast<std::int32_t>(v * core::kLanes<Value>);
                const auto scores = filter_.scores(scan_.query(q), sums.at[t][v]);
                const auto errors = filter_.errors(scan_.bound(q), panel, scores, guesses_);
                raised |= candidates_.append(q, scores, scores - errors, first, mask);
            }
            n_candidates_ += std::popcount(lanes);
            if (raised) set_limit(q);
        });
    }

    // Of the rows that passed the first look, those that pass again become candidates.
    void look_again(Index panel) {
        const Index start = scan_.task().first_panel * core::kPanelRows<Value>;
        scan_.look_again(panel, [&](Index q, Index position, float score) {
            const float error = filter_.error(scan_.bound(q), scan_.query(q), position, score);
            if (score + error < candidates_.threshold(q)) return;
            if (candidates_.due(q)) thin_out(q);
            ++n_candidates_;
            const float bound = score - lowered_by(q, position, score, error);
            if (candidates_.append(q, score, bound, static_cast<std::int32_t>(position - start))) set_limit(q);
        });
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
        n_refined_ += refinement_.serve(
            input_.train, input_.queries, look_, [&](Index lane) { return input_.positions.row(first + lane); },
            [&](Index q) { return scan_.query(q); }, [&](Index q) { return worst(q).key; },
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
        const Index first = scan_.task().first_panel * core::kPanelRows<Value>;
        const auto bounds = bounds_of(q);
        std::span<Candidate> rest = candidates_.list(q, listed_);
        const bool directed = canonical_row(metric_, input_.queries, scan_.query(q), values_.data());
        const auto* bytes = bytes_of_query(input_.queries, scan_.query(q), input_.train);
        const CanonicalQuery query{values_.data(), directed, bytes};
        const auto excluded = [&](const Candidate& c) {
            return bounds(c.position, c.score).high < candidates_.threshold(q);
        };
        while (!rest.empty() && most > 0) {
            // A task that is stopped in the middle of a panel needs room for the rest of it.
            if (scan_.stop()) {
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
        n_refined_ += std::ssize(left);
        if (!left.empty()) settle(q, left.size());
    }

    // Those of the rows that may be among the nearest, by their sums in float32; reorders them.
    std::span<Index> look(Index q, std::span<Index> rows) {
        const double limit = worst(q).key;
        if (!(limit < kNoNeighbor.key) || !look_.is_worth()) return rows;
        look_.load(scan_.query(q));
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
    BlockScan<F> scan_;
    Candidates candidates_;
    FloatLook look_;
    PanelRefinement refinement_;
    bool guesses_ = false; // whether thresholds may be too high
    Index n_candidates_ = 0;
    Index n_refined_ = 0;
    Index n_repeated_ = 0;
    std::vector<double> values_; // one query
    std::vector<Neighbor> refined_;
    std::vector<Index> rows_;
    std::vector<double> keys_;
    std::vector<Candidate> listed_;
};

} // namespace deeprob::knn
