// One task of a search: a block of queries against a segment of the packed training rows. The panels are swept once; what
// passes the filter is refined at the end, or earlier where the bounds cannot tell enough rows apart.
#pragma once

#include "knn/crowd.hpp"

namespace deeprob::knn {

struct SearchInput {
    Rows train;
    const Index* representatives; // training row of each position, or null where position is row
    Index n_positions;
    const Index* group_starts;  // with representatives: the equal rows of position j are
    const Index* group_members; // group_members[group_starts[j] : group_starts[j + 1]], ascending
    Packed<const float> packed;
    double largest_norm;
    bool integral;
    Rows queries;
    const float* query_groups; // as pack_queries makes them
    const RowMeasure* query_measures;
    Index k;
    // The training rows may be a piece of more: their first is row `first_row` of all. Those before it have been searched; the
    // outputs hold min(k, first_row) neighbours among them for each query. Pieces have no representatives.
    Index first_row;
    const double* distances; // (n_queries, k)
    const std::int64_t* indices;

    [[nodiscard]] Index n_found() const { return std::min(k, first_row); }
};

// A block of queries against a segment of the panels.
struct SearchTask {
    Index segment;
    Index first_query;
    Index last_query;
    Index first_panel;
    Index last_panel;
};

// The shape of the work: how queries and rows are cut into tasks.
struct SearchPlan {
    Index k; // neighbours per task, among distinct rows
    Index block_queries;
    Index n_blocks;
    Index n_panels;
    Index segment_panels;
    Index n_segments;

    SearchPlan(const SearchInput& input, const core::Execution& execution) {
        constexpr Index kScratchBytes = Index{32} << 20; // per thread
        constexpr Index kBlockGroups = 24;               // enough work on a panel to hide fetching the next one
        constexpr Index kMaxSegment = Index{1} << 30;    // positions fit 32 bits
        const Index n_queries = input.queries.n_rows;
        k = std::min(input.k, input.first_row + input.n_positions);
        const Index bytes = Candidates::bytes_per_query(k);
        const Index groups = std::clamp<Index>(kScratchBytes / bytes / core::kTileQueries, 1, kBlockGroups);
        block_queries = groups * core::kTileQueries;
        n_blocks = core::ceil_div(n_queries, block_queries);
        // Even blocks, in a multiple of the threads, so that all end together.
        const Index wanted = core::round_up(n_blocks, std::max(1, execution.n_threads));
        block_queries = core::round_up(core::ceil_div(n_queries, wanted), core::kTileQueries);
        block_queries = std::min(block_queries, std::max<Index>(1, kScratchBytes / bytes));
        n_blocks = core::ceil_div(n_queries, block_queries);
        n_panels = core::ceil_div(input.n_positions, core::kPanelRows<float>);
        n_segments = std::clamp<Index>(core::ceil_div(execution.n_threads, std::max<Index>(1, n_blocks)), 1, n_panels);
        n_segments = std::max(n_segments, core::ceil_div(input.n_positions, kMaxSegment));
        segment_panels = core::ceil_div(n_panels, n_segments);
        n_segments = core::ceil_div(n_panels, segment_panels);
    }
    // Blocks of less than one group may begin inside it.
    [[nodiscard]] Index max_groups() const { return core::ceil_div(block_queries, core::kTileQueries) + 1; }
    [[nodiscard]] Index n_tasks() const { return n_blocks * n_segments; }
    [[nodiscard]] SearchTask task(Index number, Index n_queries) const {
        const Index segment = number % n_segments;
        const Index first_query = number / n_segments * block_queries;
        const Index first_panel = segment * segment_panels;
        return {
            segment, first_query, std::min(first_query + block_queries, n_queries), first_panel,
            std::min(first_panel + segment_panels, n_panels)
        };
    }
};

// One thread's scratch and the steps of a task on it.
class BlockSearch {
  public:
    BlockSearch(const SearchInput& input, const SearchPlan& plan, const Surrogate& surrogate)
        : input_(input), plan_(plan), surrogate_(surrogate), bounds_(surrogate),
          candidates_(plan.block_queries, plan.k), crowd_(surrogate.metric, plan.block_queries, surrogate.n_features),
          values_(size(surrogate.n_features)),
          partial_(
              core::n_depth_blocks(surrogate.n_features) > 1
                  ? size(plan.max_groups() * core::kTileQueries * core::kPanelRows<float>)
                  : 0
          ),
          relative_(size(plan.block_queries)), product_(size(plan.block_queries)), constant_(size(plan.block_queries)),
          panel_(size(plan.block_queries)), threshold_(size(plan.max_groups() * core::kTileQueries)),
          refined_(size(Candidates::capacity(plan.k))), rows_(size(Candidates::capacity(plan.k))),
          keys_(size(Candidates::capacity(plan.k))) {}

    // Prepares for queries [begin, end). The rows found before belong to segment 0; the others know their distance only.
    void load(Index begin, Index end, Index segment) {
        first_query_ = begin;
        n_queries_ = end - begin;
        first_group_ = begin / core::kTileQueries;
        n_groups_ = core::ceil_div(end, core::kTileQueries) - first_group_;
        // The other queries of the groups are never candidates.
        std::ranges::fill(threshold_, std::numeric_limits<float>::infinity());
        crowd_.clear();
        for (Index q = 0; q < n_queries_; ++q) {
            const QueryBound bound = bounds_.query(measure(q), input_.largest_norm, input_.integral);
            relative_[size(q)] = bound.relative;
            product_[size(q)] = bound.product;
            constant_[size(q)] = bound.constant;
            panel_[size(q)] = bound.panel;
            candidates_.clear(q);
            if (input_.n_found() > 0) recall(q, segment == 0);
        }
    }

    // The error of query q's score with the row at a position of the segment, rounded up.
    [[nodiscard]] auto error_of(Index q) const {
        return [this, q](std::int32_t position, float score) {
            const Index panel = segment_ + position / core::kPanelRows<float>;
            const float error = relative_[size(q)] * std::abs(score) + product_[size(q)] * input_.packed.norm[panel]
                                + constant_[size(q)] + panel_[size(q)] * input_.packed.slack[panel];
            return error * (1 + 0x1p-20F);
        };
    }

    // Sweeps the panels [begin, end); false if stopped.
    bool scan(Index begin, Index end, int thread, core::LoopControl& control) {
        segment_ = begin;
        for (Index panel = begin; panel < end; ++panel) {
            if (control.stopped(thread)) return false;
            set_thresholds(panel);
            if (surrogate_.metric == Metric::manhattan) {
                sweep<core::NegativeAbsoluteDifference>(panel);
            } else {
                sweep<core::Product>(panel);
            }
            serve_crowd(panel);
        }
        for (Index q = 0; q < n_queries_; ++q) {
            candidates_.tighten(q, error_of(q));
            refine(q);
        }
        return true;
    }

    // The nearest distinct rows of each query of the block, after scan.
    [[nodiscard]] std::span<const Neighbor> nearest(Index query) const { return candidates_.exact(query); }
    [[nodiscard]] Index n_refined() const { return n_refined_; }

  private:
    static std::size_t size(Index n) { return static_cast<std::size_t>(n); }
    [[nodiscard]] const RowMeasure& measure(Index q) const { return input_.query_measures[first_query_ + q]; }
    // Query 0 of the block is this one of its first group.
    [[nodiscard]] Index offset() const { return first_query_ - first_group_ * core::kTileQueries; }

    // Starts from the neighbours that were found among the rows before this piece.
    void recall(Index q, bool keep) {
        const Index n_found = input_.n_found();
        for (Index i = 0; i < n_found; ++i) {
            const Index at = (first_query_ + q) * input_.k + i;
            refined_[size(i)] = {key_of_distance(surrogate_.metric, input_.distances[at]), input_.indices[at]};
        }
        if (n_found == plan_.k) raise_threshold(q, refined_[size(n_found - 1)].key);
        if (keep) candidates_.merge(q, {refined_.data(), size(n_found)});
    }

    void raise_threshold(Index q, double key) { candidates_.raise(q, bounds_.score_of_key(measure(q), key)); }

    // The score that a row of this panel must exceed to be a candidate, for each query.
    void set_thresholds(Index panel) {
        const float norm = input_.packed.norm[panel];
        const float slack = input_.packed.slack[panel];
        float* thresholds = threshold_.data() + offset();
        for (Index q = 0; q < n_queries_; ++q) {
            const float error = product_[size(q)] * norm + constant_[size(q)] + panel_[size(q)] * slack;
            const float threshold = candidates_.threshold(q) - error;
            // -infinity stays: its product with relative = 0 is NaN.
            thresholds[q] = std::isinf(threshold) ? threshold : threshold - std::abs(threshold) * relative_[size(q)];
        }
    }

    template <class Step> void sweep(Index panel) {
        constexpr Index kRows = core::kPanelRows<float>;
        const Index group_size = surrogate_.n_features * core::kTileQueries;
        const core::QueryBlock<float> block{
            input_.query_groups + first_group_ * group_size, n_groups_, surrogate_.n_features, partial_.data()
        };
        core::sweep_panel<Step>(
            block, input_.packed.panels + panel * kRows * surrogate_.n_features, input_.packed.bias + panel * kRows,
            [&](Index group, const core::Accumulators<float>& sums) { collect(panel, group, sums); }
        );
    }

    [[gnu::always_inline]] void collect(Index panel, Index group, const core::Accumulators<float>& sums) {
        const float* thresholds = threshold_.data() + group * core::kTileQueries;
        std::uint32_t hits[core::kTileQueries];
        std::uint32_t any = 0;
        for (Index q = 0; q < core::kTileQueries; ++q) {
            const auto threshold = core::broadcast(thresholds[q]);
            hits[q] = 0;
            for (Index v = 0; v < core::kTileVectors; ++v) {
                hits[q] |= core::greater(sums.at[q][v], threshold) << (v * core::kLanes<float>);
            }
            any |= hits[q];
        }
        if (any != 0) [[unlikely]] {
            // A copy, so that the accumulators need an address here only.
            const core::Accumulators<float> scores = sums;
            append(panel, group, scores, hits);
        }
    }

    [[gnu::noinline]] void append(
        Index panel, Index group, const core::Accumulators<float>& sums, const std::uint32_t* hits
    ) {
        constexpr std::uint32_t kVectorMask = (std::uint32_t{1} << core::kLanes<float>) - 1;
        const auto position = static_cast<std::int32_t>((panel - segment_) * core::kPanelRows<float>);
        for (Index t = 0; t < core::kTileQueries; ++t) {
            if (hits[t] == 0) continue;
            const Index q = group * core::kTileQueries + t - offset();
            if (!crowd_.has(q) && candidates_.full(q)) make_room(q);
            if (crowd_.has(q)) {
                crowd_.want(q, hits[t]);
                continue;
            }
            for (Index v = 0; v < core::kTileVectors; ++v) {
                const std::uint32_t mask = hits[t] >> (v * core::kLanes<float>) & kVectorMask;
                const auto first = position + static_cast<std::int32_t>(v * core::kLanes<float>);
                if (mask != 0) candidates_.append(q, sums.at[t][v], first, mask);
            }
        }
    }

    void make_room(Index q) {
        candidates_.tighten(q, error_of(q));
        // Where the bounds keep more than half, they would soon be asked again: the canonical distances decide.
        if (std::ssize(candidates_.positions(q)) > plan_.k + Candidates::kRoom / 2) {
            refine(q);
            crowd_.enter(q);
        }
    }

    void serve_crowd(Index panel) {
        const Index first = panel * core::kPanelRows<float>;
        n_refined_ += crowd_.serve(
            input_.train, input_.queries,
            [&](Index lane) { return training_row(input_.representatives, first + lane); },
            [&](Index q) { return first_query_ + q; }, [&](Index q) { return worst_key(q); },
            [&](Index q, std::uint32_t lanes, const auto& key) {
                const double worst = worst_key(q);
                std::size_t n = 0;
                for (; lanes != 0; lanes &= lanes - 1) {
                    const Index lane = std::countr_zero(lanes);
                    const Index row = input_.first_row + training_row(input_.representatives, first + lane);
                    // Of equal keys the first row wins, and rows come in ascending order.
                    if (const double k = key(lane); k < worst) refined_[n++] = {k, row};
                }
                if (n > 0) settle(q, n);
            }
        );
    }

    // Of the exact neighbours, or infinity as long as there are fewer than k.
    [[nodiscard]] double worst_key(Index q) const {
        const auto exact = candidates_.exact(q);
        return std::ssize(exact) == plan_.k ? exact.back().key : std::numeric_limits<double>::infinity();
    }

    // The first n of refined_ join the exact neighbours of a query whose candidates are done with.
    void settle(Index q, std::size_t n) {
        candidates_.merge(q, {refined_.data(), n});
        if (std::ssize(candidates_.exact(q)) == plan_.k) raise_threshold(q, worst_key(q));
    }

    // Canonical keys of the candidates; the best of them and of the exact neighbours so far remain.
    void refine(Index q) {
        const auto positions = candidates_.positions(q);
        const Index first = segment_ * core::kPanelRows<float>;
        for (std::size_t c = 0; c < positions.size(); ++c) {
            rows_[c] = training_row(input_.representatives, first + positions[c]);
        }
        row_as_double(input_.queries, first_query_ + q, values_.data());
        const CanonicalQuery query{values_.data(), measure(q).input_norm2};
        canonical_keys(surrogate_.metric, query, input_.train, {rows_.data(), positions.size()}, keys_.data());
        n_refined_ += std::ssize(positions);
        for (std::size_t c = 0; c < positions.size(); ++c) refined_[c] = {keys_[c], input_.first_row + rows_[c]};
        settle(q, positions.size());
    }

    const SearchInput& input_;
    const SearchPlan& plan_;
    const Surrogate& surrogate_;
    FilterBounds bounds_;
    Candidates candidates_;
    Crowd crowd_;
    Index first_query_ = 0;
    Index n_queries_ = 0;
    Index first_group_ = 0;
    Index n_groups_ = 0;
    Index segment_ = 0; // first panel
    Index n_refined_ = 0;
    std::vector<double> values_; // one query
    core::AlignedVector<float> partial_;
    std::vector<float> relative_; // QueryBound of each query, by field
    std::vector<float> product_;
    std::vector<float> constant_;
    std::vector<float> panel_;
    std::vector<float> threshold_; // for the panel at hand
    std::vector<Neighbor> refined_;
    std::vector<Index> rows_;
    std::vector<double> keys_;
};

} // namespace deeprob::knn
