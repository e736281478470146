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
concept Filter = requires(
    const F& filter, Index index, float score, double key, const QueryBound& bound, const typename F::Looseness& loose,
    typename F::Value* limits
) {
    typename F::Value;                                  // what the micro-kernel adds up
    { F::kSpare } -> std::convertible_to<Index>;        // candidates beyond k before thresholds are tightened
    { F::kBlockTiles } -> std::convertible_to<Index>;   // query tiles of a block
    { F::kScratchBytes } -> std::convertible_to<Index>; // for the candidates of a block, where k allows it
    { F::kLooksTwice } -> std::convertible_to<bool>;    // whether sums only say which rows to score
    { filter.depth() } -> std::same_as<Index>;          // words that are swept at once
    { filter.visits(index, index, index) };             // for so many queries, tiles and panels: the order of panels
    { filter.reach(index, score) } -> std::same_as<double>; // how far a query with that threshold looks, for that order
    { filter.bound(index) } -> std::same_as<QueryBound>;    // of a query
    { filter.looseness(index) } -> std::same_as<typename F::Looseness>; // what a panel adds to the bounds
    {
        loose.covers(loose)
    } -> std::same_as<bool>; // whether limits for one panel hold for another, and are nearly as tight
    { filter.n_limits() } -> std::same_as<Index>; // of a query
    // Writes the limits of a query with that threshold, `index` apart: what sums must exceed for rows that may count.
    { filter.set_limits(index, bound, score, loose, limits, index) };
    { filter.forbid(std::span(limits, 1)) }; // limits that nothing exceeds, of all queries
    {
        filter.error(bound, index, index, score)
    } -> std::same_as<float>; // of the score of a query and a position, rounded up
    {
        filter.likely_error(bound, index, index, score)
    } -> std::same_as<float>;                   // at most that, and rarely less than what the score is off by
    { filter.guesses() } -> std::same_as<bool>; // whether likely errors may be less
    { filter.score_of_key(index, key) } -> std::same_as<double>;
};

// What a panel adds to the bounds of its rows.
struct PanelLooseness {
    float norm = 0;
    float slack = 0;
    [[nodiscard]] bool covers(const PanelLooseness& other) const {
        constexpr float kSimilar = 0.9F;
        return other.norm <= norm && other.norm >= kSimilar * norm && other.slack <= slack
               && other.slack >= kSimilar * slack;
    }
};

// A threshold on scores, less what the score of any row of a panel may be off by.
inline float lowered(float threshold, const QueryBound& bound, const PanelLooseness& panel) {
    float lower = threshold - (bound.product * panel.norm + bound.constant + bound.panel * panel.slack);
    // -infinity stays: its product with relative = 0 is NaN. So is that of an infinite factor and a norm of 0: no bound at all.
    if (std::isnan(lower)) lower = kNothing;
    if (!std::isinf(lower)) lower -= std::abs(lower) * bound.relative;
    return lower;
}

// Tiles of queries against a panel.
template <class T> struct Sweep {
    Index first_tile;             // of the block, among all
    std::span<const Index> tiles; // numbered from there
    Index panel;
    const T* limits;   // of the first tile
    Index limit_apart; // a query's limits, if it has several
    T* partial;        // see core::QueryBlock
};

// Which rows of a tile's sums exceed the limits of their queries: whether any does.
template <class T> struct Hits {
    std::uint32_t of[core::kTileQueries];
    [[gnu::always_inline]] bool find(const core::Accumulators<T>& sums, const T* limits) {
        std::uint32_t any = 0;
        for (Index q = 0; q < core::kTileQueries; ++q) {
            const auto limit = core::broadcast(limits[q]);
            of[q] = 0;
            for (Index v = 0; v < core::kTileVectors; ++v) {
                of[q] |= core::greater(sums.at[q][v], limit) << (v * core::kLanes<T>);
            }
            any |= of[q];
        }
        return any != 0;
    }
};

// The error of scores of rows of a panel, rounded up.
template <class Scores> Scores panel_error(const QueryBound& bound, const PanelLooseness& panel, Scores scores) {
    const float any_score = bound.product * panel.norm + bound.constant + bound.panel * panel.slack;
    return (bound.relative * core::absolute(scores) + any_score) * (1 + 0x1p-20F);
}

inline float roots(float x) { return std::sqrt(x); }
inline core::Vector<float> roots(core::Vector<float> x) {
    // Through memory: so it becomes one instruction for all lanes.
    float lanes[core::kLanes<float>];
    core::store(lanes, x);
    for (float& lane : lanes) lane = std::sqrt(lane);
    return core::load(lanes);
}

// What the distance -score between rows in bytes is likely to be off by. The residuals of rows that are rounded are as good as
// random: their squares add to the square of a distance, and what is left varies by 1 / sqrt(n_features) of the largest error.
template <class Scores> Scores likely_distance_error(Scores scores, Scores errors, float residual2, float variation) {
    const Scores likely = roots(scores * scores + residual2) - core::absolute(scores) + variation * errors;
    return likely < errors ? likely : errors;
}
inline float variation_of_errors(Index n_features) {
    constexpr float kDeviations = 5;
    return std::min(1.0F, kDeviations / std::sqrt(static_cast<float>(std::max<Index>(1, n_features))));
}

// What filters have in common whose sums are scores: panels are met in their order, and a query has one limit.
class OneLook {
  public:
    using Looseness = PanelLooseness;
    static constexpr bool kLooksTwice = false;

    [[nodiscard]] static EveryPanel visits(Index /*n_queries*/, Index n_tiles, Index /*n_panels*/) {
        return EveryPanel(n_tiles);
    }
    [[nodiscard]] static double reach(Index /*query*/, float /*threshold*/) {
        return std::numeric_limits<double>::infinity();
    }
    [[nodiscard]] static Index n_limits() { return 1; }
    template <class T> static void forbid(std::span<T> limits) {
        using Limits = std::numeric_limits<T>;
        std::ranges::fill(limits, Limits::has_infinity ? Limits::infinity() : Limits::max());
    }

  protected:
    template <class Step, class T, class Consume>
    static void sweep_once(
        const Sweep<T>& sweep, const T* query_tiles, Index depth, const Packed<const T>& packed, const Consume& consume
    ) {
        constexpr Index kRows = core::kPanelRows<T>;
        const core::QueryBlock<T> block{
            query_tiles + sweep.first_tile * depth * core::kTileQueries, std::ssize(sweep.tiles), depth, sweep.partial
        };
        const T* rows = packed.panels + sweep.panel * kRows * depth;
        const T* bias = packed.bias + sweep.panel * kRows;
        core::sweep_panel<Step>(block, rows, bias, [&](Index tile, const core::Accumulators<T>& sums) {
            Hits<T> hits;
            if (hits.find(sums, sweep.limits + tile * core::kTileQueries)) [[unlikely]] {
                // A copy, so that the accumulators need an address here only.
                const core::Accumulators<T> copy = sums;
                consume(tile, hits.of, copy);
            }
        });
    }
};

// Every row in float32.
class DenseFilter : public OneLook {
  public:
    using Value = float;
    static constexpr Index kSpare = 64;      // for candidates beyond k: little, so that thresholds tighten early
    static constexpr Index kBlockTiles = 24; // enough work on a panel to hide fetching the next one
    static constexpr Index kScratchBytes = Index{1} << 20; // a cache holds them

    DenseFilter(
        core::Borrowed<Centering> centering, const Packed<const float>& packed, double largest_norm, bool integral,
        const float* query_tiles, const RowMeasure* measures
    )
        : packed_(packed), query_tiles_(query_tiles), measures_(measures), centering_(centering), bounds_(centering),
          largest_norm_(largest_norm), integral_(integral) {}

    [[nodiscard]] Index depth() const { return centering_.n_features; }
    [[nodiscard]] PanelLooseness looseness(Index panel) const { return {packed_.norm[panel], packed_.slack[panel]}; }
    [[nodiscard]] const Packed<const float>& packed() const { return packed_; }
    [[nodiscard]] QueryBound bound(Index query) const {
        return bounds_.query(measures_[query], largest_norm_, integral_);
    }
    [[nodiscard]] double score_of_key(Index query, double key) const {
        return bounds_.score_of_key(measures_[query], key);
    }
    static void set_limits(
        Index /*query*/, const QueryBound& bound, float threshold, const PanelLooseness& panel, float* limit,
        Index /*apart*/
    ) {
        *limit = lowered(threshold, bound, panel);
    }
    [[nodiscard]] static core::Vector<float> scores(Index /*query*/, core::Vector<float> sums) { return sums; }
    [[nodiscard]] float error(const QueryBound& bound, Index /*query*/, Index position, float score) const {
        return panel_error(bound, looseness(position / core::kPanelRows<Value>), score);
    }
    // Of float32, the largest error of few features is not rare.
    [[nodiscard]] static bool guesses() { return false; }
    [[nodiscard]] float likely_error(const QueryBound& bound, Index query, Index position, float score) const {
        return error(bound, query, position, score);
    }
    [[nodiscard]] core::Vector<float> errors(
        const QueryBound& bound, Index panel, core::Vector<float> scores, bool /*likely*/
    ) const {
        return panel_error(bound, looseness(panel), scores);
    }

    template <class Consume> void sweep(const Sweep<float>& sweep, const Consume& consume) const {
        if (centering_.metric == Metric::manhattan) {
            sweep_once<core::NegativeAbsoluteDifference>(sweep, query_tiles_, depth(), packed_, consume);
        } else if (centering_.metric == Metric::chebyshev) {
            sweep_once<core::NegativeLargestDifference>(sweep, query_tiles_, depth(), packed_, consume);
        } else {
            sweep_once<core::Product>(sweep, query_tiles_, depth(), packed_, consume);
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
class IntegerFilter : public OneLook {
  public:
    using Value = std::int32_t;
    static constexpr Index kSpare = 192;
    static constexpr Index kBlockTiles = 24;
    static constexpr Index kScratchBytes = Index{1} << 20;

    IntegerFilter(
        core::Borrowed<Centering> centering, const Packed<const std::int32_t>& packed, const std::int32_t* query_tiles,
        const IntegerMeasure* measures, Index n_queries, Index n_features
    )
        : packed_(packed), query_tiles_(query_tiles), measures_(measures), centering_(centering),
          bounds_(centering, n_features), variation_(variation_of_errors(n_features)),
          bases_(static_cast<std::size_t>(n_queries)) {
        std::transform(measures, measures + n_queries, bases_.begin(), [this](const IntegerMeasure& measure) {
            return base_of(measure);
        });
    }

    [[nodiscard]] Index depth() const { return n_words(centering_.n_features); }
    [[nodiscard]] PanelLooseness looseness(Index panel) const { return {packed_.norm[panel], packed_.slack[panel]}; }
    void set_limits(
        Index query, const QueryBound& bound, float threshold, const PanelLooseness& panel, std::int32_t* limit,
        Index /*apart*/
    ) const {
        *limit = limit_of(query, lowered(threshold, bound, panel));
    }
    [[nodiscard]] const Packed<const std::int32_t>& packed() const { return packed_; }
    [[nodiscard]] QueryBound bound(Index query) const { return bounds_.query(measures_[query]); }
    [[nodiscard]] double score_of_key(Index query, double key) const {
        return bounds_.score_of_key(measures_[query], key);
    }

    [[nodiscard]] float error(const QueryBound& bound, Index /*query*/, Index position, float score) const {
        return panel_error(bound, looseness(position / core::kPanelRows<Value>), score);
    }
    // Sums of absolute differences between equal bytes are off in one direction, by much of the largest error.
    [[nodiscard]] bool guesses() const { return centering_.metric != Metric::manhattan; }
    [[nodiscard]] float likely_error(const QueryBound& bound, Index query, Index position, float score) const {
        const float largest = error(bound, query, position, score);
        return likely(bound, looseness(position / core::kPanelRows<Value>), score, largest);
    }
    // Of the scores with the rows of a panel; what they are likely to be, or the largest.
    [[nodiscard]] core::Vector<float> errors(
        const QueryBound& bound, Index panel, core::Vector<float> scores, bool likely
    ) const {
        const PanelLooseness panel_looseness = looseness(panel);
        const core::Vector<float> errors = panel_error(bound, panel_looseness, scores);
        return likely ? this->likely(bound, panel_looseness, scores, errors) : errors;
    }

    // The largest sum that is certainly not above the threshold.
    [[nodiscard]] std::int32_t limit_of(Index query, float threshold) const {
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
        return -roots(squares > 0.0F ? squares : Floats{});
    }

    template <class Consume> void sweep(const Sweep<std::int32_t>& sweep, const Consume& consume) const {
        if (centering_.metric == Metric::manhattan) {
            sweep_once<core::TwiceByteMinimum>(sweep, query_tiles_, depth(), packed_, consume);
        } else {
            sweep_once<core::ByteProduct>(sweep, query_tiles_, depth(), packed_, consume);
        }
    }

  private:
    // Whether a score is the root of a squared distance, -sqrt(base - 2 sum), where sum may be one too small; if not, it is sum - base.
    [[nodiscard]] bool has_root() const {
        return centering_.metric != Metric::inner_product && centering_.metric != Metric::manhattan;
    }
    template <class Scores>
    [[nodiscard]] Scores likely(
        const QueryBound& bound, const PanelLooseness& panel, Scores scores, Scores errors
    ) const {
        if (!guesses()) return errors;
        if (!has_root()) return variation_ * errors;
        const float residual2 = bound.constant * bound.constant + panel.slack * panel.slack;
        return likely_distance_error(scores, errors, residual2, variation_);
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
    float variation_;
    std::vector<std::int32_t> bases_; // of the queries: limits are asked for often
};

static_assert(Filter<DenseFilter> && Filter<IntegerFilter>);

} // namespace deeprob::knn
