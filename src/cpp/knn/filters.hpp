// The filters: what a search needs to know of packed rows and queries. A filter sweeps a panel, turns sums into scores (float,
// larger is nearer), and thresholds on scores into limits on sums.
#pragma once

#include "core/borrowed.hpp"
#include "knn/byte_rows.hpp"
#include "knn/pack.hpp"
#include "knn/visit_order.hpp"

#include <algorithm>
#include <concepts>
#include <vector>

namespace deeprob::knn {

// What a search asks of a filter. A new filter is a class that meets this, and its line in the bindings.
template <class F>
concept Filter =
    requires(const F& filter, Index query, Index position, float score, double key, const QueryBound& bound) {
        typename F::Value;                                // what the micro-kernel adds up
        { F::kSpare } -> std::convertible_to<Index>;      // candidates beyond k before thresholds are tightened
        { F::kBlockTiles } -> std::convertible_to<Index>; // query tiles of a block
        { F::kLooksTwice } -> std::convertible_to<bool>;  // whether sums only say which rows to score
        { filter.depth() } -> std::same_as<Index>;        // words of a packed row
        { filter.packed() } -> std::same_as<const Packed<const typename F::Value>&>;
        { filter.query_tiles() } -> std::same_as<const typename F::Value*>;
        { filter.ranges() } -> std::convertible_to<PanelRanges>; // the order of panels, if there is one
        { filter.bound(query) } -> std::same_as<QueryBound>;
        {
            filter.limit(query, score)
        } -> std::same_as<typename F::Value>; // the largest sum that is certainly not above a score
        { filter.error(bound, query, position, score) } -> std::same_as<float>; // of the score of a row, rounded up
        { filter.score_of_key(query, key) } -> std::same_as<double>;
    };

// The error of the scores of rows of a panel, rounded up.
template <class T, class Scores>
Scores panel_error(const QueryBound& bound, const Packed<const T>& packed, Index panel, Scores scores) {
    const float any_score = bound.product * packed.norm[panel] + bound.constant + bound.panel * packed.slack[panel];
    return (bound.relative * core::absolute(scores) + any_score) * (1 + 0x1p-20F);
}

// Every row in float32.
class DenseFilter {
  public:
    using Value = float;
    static constexpr Index kSpare = 64;      // for candidates beyond k: little, so that thresholds tighten early
    static constexpr Index kBlockTiles = 24; // enough work on a panel to hide fetching the next one
    static constexpr bool kLooksTwice = false;

    DenseFilter(
        core::Borrowed<Centering> centering, const Packed<const float>& packed, double largest_norm, bool integral,
        const float* query_tiles, const RowMeasure* measures
    )
        : packed_(packed), query_tiles_(query_tiles), measures_(measures), centering_(centering), bounds_(centering),
          largest_norm_(largest_norm), integral_(integral) {}

    [[nodiscard]] Index depth() const { return centering_.n_features; }
    [[nodiscard]] static PanelRanges ranges() { return {}; }
    [[nodiscard]] const Packed<const float>& packed() const { return packed_; }
    [[nodiscard]] const float* query_tiles() const { return query_tiles_; }
    [[nodiscard]] QueryBound bound(Index query) const {
        return bounds_.query(measures_[query], largest_norm_, integral_);
    }
    [[nodiscard]] double score_of_key(Index query, double key) const {
        return bounds_.score_of_key(measures_[query], key);
    }
    [[nodiscard]] static float limit(Index /*query*/, float threshold) { return threshold; }
    [[nodiscard]] static core::Vector<float> scores(Index /*query*/, core::Vector<float> sums) { return sums; }
    [[nodiscard]] float error(const QueryBound& bound, Index /*query*/, Index position, float score) const {
        return panel_error(bound, packed_, position / core::kPanelRows<Value>, score);
    }

    template <class Consume>
    void sweep(const core::QueryBlock<float>& block, Index panel, const Consume& consume) const {
        const float* rows = packed_.panels + panel * core::kPanelRows<float> * depth();
        const float* bias = packed_.bias + panel * core::kPanelRows<float>;
        if (centering_.metric == Metric::manhattan) {
            core::sweep_panel<core::NegativeAbsoluteDifference>(block, rows, bias, consume);
        } else {
            core::sweep_panel<core::Product>(block, rows, bias, consume);
        }
    }

  private:
    Packed<const float> packed_;
    const float* query_tiles_;
    const RowMeasure* measures_;
    const Centering& centering_;
    FilterBounds bounds_;
    double largest_norm_;
    bool integral_;
};

// Rows and queries in bytes, four to a word.
class IntegerFilter {
  public:
    using Value = std::int32_t;
    static constexpr Index kSpare = 192;
    static constexpr Index kBlockTiles = 24;
    static constexpr bool kLooksTwice = false;

    IntegerFilter(
        core::Borrowed<Centering> centering, const Packed<const std::int32_t>& packed, const std::int32_t* query_tiles,
        const IntegerMeasure* measures, Index n_queries, Index n_features
    )
        : packed_(packed), query_tiles_(query_tiles), measures_(measures), centering_(centering),
          bounds_(centering, n_features), bases_(static_cast<std::size_t>(n_queries)) {
        std::transform(measures, measures + n_queries, bases_.begin(), [this](const IntegerMeasure& measure) {
            return base_of(measure);
        });
    }

    [[nodiscard]] Index depth() const { return n_words(centering_.n_features); }
    [[nodiscard]] static PanelRanges ranges() { return {}; }
    [[nodiscard]] const Packed<const std::int32_t>& packed() const { return packed_; }
    [[nodiscard]] const std::int32_t* query_tiles() const { return query_tiles_; }
    [[nodiscard]] QueryBound bound(Index query) const { return bounds_.query(measures_[query]); }
    [[nodiscard]] double score_of_key(Index query, double key) const {
        return bounds_.score_of_key(measures_[query], key);
    }

    [[nodiscard]] float error(const QueryBound& bound, Index /*query*/, Index position, float score) const {
        return panel_error(bound, packed_, position / core::kPanelRows<Value>, score);
    }

    // The largest sum that is certainly not above the threshold.
    [[nodiscard]] std::int32_t limit(Index query, float threshold) const {
        const double t = threshold;
        double limit = std::floor(t) + static_cast<double>(base(query));
        if (has_root()) {
            if (t >= 0) return std::numeric_limits<std::int32_t>::max();
            limit = std::floor((static_cast<double>(base(query)) + 0.5 - t * t) / 2) - 1;
        }
        return core::saturated(limit); // NaN lets every row pass
    }

    [[nodiscard]] core::Vector<float> scores(Index query, core::Vector<std::int32_t> sums) const {
        using Floats = core::Vector<float>;
        using Words = core::Vector<std::int32_t>;
        // Unsigned: the sums of lanes beyond the last row are the lowest integer, and may wrap.
        using Wrapping = core::Vector<std::uint32_t>;
        const auto sum = reinterpret_cast<Wrapping>(sums);
        const auto query_base = static_cast<std::uint32_t>(base(query));
        if (!has_root()) return __builtin_convertvector(reinterpret_cast<Words>(sum - query_base), Floats);
        const auto squares = __builtin_convertvector(reinterpret_cast<Words>(query_base - 2U * sum), Floats) + 0.5F;
        const Floats positive = squares > 0.0F ? squares : Floats{};
        // Through memory: so it becomes one instruction for all lanes.
        float scores[core::kLanes<float>];
        core::store(scores, positive);
        for (float& score : scores) score = -std::sqrt(score);
        return core::load(scores);
    }

    template <class Consume>
    void sweep(const core::QueryBlock<std::int32_t>& block, Index panel, const Consume& consume) const {
        if (centering_.metric == Metric::manhattan) {
            sweep_by<core::TwiceByteMinimum>(block, panel, consume);
        } else {
            sweep_by<core::ByteProduct>(block, panel, consume);
        }
    }
    template <class Step, class Consume>
    void sweep_by(const core::QueryBlock<std::int32_t>& block, Index panel, const Consume& consume) const {
        constexpr Index kRows = core::kPanelRows<std::int32_t>;
        core::sweep_panel<Step>(block, packed_.panels + panel * kRows * depth(), packed_.bias + panel * kRows, consume);
    }

  private:
    // Whether a score is the root of a squared distance, -sqrt(base - 2 sum), where sum may be one too small; if not, it is sum - base.
    [[nodiscard]] bool has_root() const {
        return centering_.metric != Metric::inner_product && centering_.metric != Metric::manhattan;
    }
    [[nodiscard]] std::int32_t base(Index query) const { return bases_[static_cast<std::size_t>(query)]; }

    [[nodiscard]] std::int32_t base_of(const IntegerMeasure& measure) const {
        const auto offset = static_cast<double>(byte_range(centering_.metric).offset);
        // What the offset of stored rows adds to every sum of products.
        const double product = offset * measure.sum;
        if (centering_.metric == Metric::inner_product) return core::saturated(product);
        // Of the minima, the offsets of query and row remain, those of the padding too.
        const double minima = measure.sum + 8 * offset * static_cast<double>(depth());
        if (centering_.metric == Metric::manhattan) return core::saturated(minima);
        return core::saturated(measure.square + 2 * product);
    }

    Packed<const std::int32_t> packed_;
    const std::int32_t* query_tiles_;
    const IntegerMeasure* measures_;
    const Centering& centering_;
    IntegerBounds bounds_;
    std::vector<std::int32_t> bases_; // of the queries: limits are asked for often
};

// Bytes of a prefix exclude most rows; those that pass are scored by their own bytes at once, while the panel's are at hand.
// Scores and thresholds are in the units of the rows' bytes, -norm(X - Y).
class PrefixFilter {
  public:
    using Value = std::int32_t;
    static constexpr Index kSpare = 512;      // bytes of whole rows tell many apart, given time
    static constexpr Index kBlockTiles = 8;   // queries so near each other that the same panels are nearest
    static constexpr bool kLooksTwice = true; // sums only say which rows to score

    // `prefix`: of the projected columns. `centering`: of the rows, by which `rows` and `queries` were rounded. `places`: of each
    // position among `rows`.
    PrefixFilter(
        core::Borrowed<IntegerFilter> prefix, double prefix_scale, core::Borrowed<Centering> centering,
        const ByteRows& rows, const Positions& places, const ByteRows& queries, const PanelRanges& panels
    )
        : prefix_(prefix), ratio_(static_cast<float>(prefix_scale / centering->scale)),
          bounds_(centering, centering->n_features), canonical_error_(bounds_.canonical_error()), rows_(rows),
          places_(places), queries_(queries), panels_(panels), stride_(byte_stride(centering->n_features)) {}

    [[nodiscard]] Index depth() const { return prefix_.depth(); }
    [[nodiscard]] const PanelRanges& ranges() const { return panels_; }
    [[nodiscard]] const Packed<const std::int32_t>& packed() const { return prefix_.packed(); }
    [[nodiscard]] const std::int32_t* query_tiles() const { return prefix_.query_tiles(); }
    [[nodiscard]] QueryBound bound(Index query) const {
        QueryBound bound = prefix_.bound(query);
        // In the units of the rows' bytes.
        bound.constant = rounded_up(bound.constant / ratio_);
        bound.panel = rounded_up(bound.panel / ratio_);
        bound.relative *= 2; // covers the rounding of the ratio
        return bound;
    }
    [[nodiscard]] double score_of_key(Index /*query*/, double key) const { return bounds_.score_of_distance(key); }
    [[nodiscard]] std::int32_t limit(Index query, float threshold) const {
        return prefix_.limit(query, threshold * ratio_);
    }

    // Distances by the rows' own bytes: minus the scores.
    void distances(std::span<const Pair> pairs, float* out) const {
        byte_distances(queries_, rows_, [&](Index position) { return place(position); }, stride_, pairs, out);
    }
    // Asks for the bytes of a row, before its distances are wanted.
    void fetch(Index position) const {
        const std::int8_t* row = rows_.bytes + place(position) * stride_;
        for (Index b = 0; b < stride_; b += 64) core::prefetch(row + b);
    }
    [[nodiscard]] float error(const QueryBound& /*bound*/, Index query, Index position, float score) const {
        constexpr float kRounding = 0x1p-20F;
        const float residuals = queries_.residuals[query] + rows_.residuals[place(position)];
        const float error = kRounding * std::abs(score) + residuals;
        return (error + canonical_error_) * (1 + kRounding);
    }

    template <class Consume>
    void sweep(const core::QueryBlock<std::int32_t>& block, Index panel, const Consume& consume) const {
        prefix_.sweep_by<core::ByteProduct>(block, panel, consume); // no prefix is of manhattan distances
    }

  private:
    [[nodiscard]] Index place(Index position) const { return places_.row(position); }

    const IntegerFilter& prefix_;
    float ratio_;
    IntegerBounds bounds_;
    float canonical_error_;
    ByteRows rows_;
    Positions places_;
    ByteRows queries_;
    PanelRanges panels_;
    Index stride_;
};

static_assert(Filter<DenseFilter> && Filter<IntegerFilter> && Filter<PrefixFilter>);

} // namespace deeprob::knn
