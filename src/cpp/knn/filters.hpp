// The filters, by one interface: what a block search needs to know of packed rows and queries. `Value` is what the micro-kernel
// adds up; a filter turns sums into scores (float, larger is nearer) and thresholds on scores into limits on sums.
#pragma once

#include "knn/integer.hpp"
#include "knn/pack.hpp"

namespace deeprob::knn {

// Every row in float32.
class DenseFilter {
  public:
    using Value = float;
    using Measure = RowMeasure;
    static constexpr Index kRoom = 64; // for candidates beyond k: little, so that thresholds tighten early

    DenseFilter(
        const Surrogate& surrogate, const Packed<const float>& packed, double largest_norm, bool integral,
        const float* groups, const RowMeasure* measures
    )
        : packed(packed), groups(groups), measures(measures), surrogate_(surrogate), bounds_(surrogate),
          largest_norm_(largest_norm), integral_(integral) {}

    [[nodiscard]] Index depth() const { return surrogate_.n_features; }
    // Whether a score also tells how far a row is at most.
    [[nodiscard]] static bool two_sided() { return true; }
    [[nodiscard]] QueryBound bound(Index query) const {
        return bounds_.query(measures[query], largest_norm_, integral_);
    }
    [[nodiscard]] double score_of_key(Index query, double key) const {
        return bounds_.score_of_key(measures[query], key);
    }
    [[nodiscard]] float limit(Index /*query*/, float threshold) const { return threshold; }
    [[nodiscard]] core::Vector<float> scores(Index /*query*/, core::Vector<float> sums) const { return sums; }

    template <class Consume>
    void sweep(const core::QueryBlock<float>& block, Index panel, const Consume& consume) const {
        const float* rows = packed.panels + panel * core::kPanelRows<float> * depth();
        const float* bias = packed.bias + panel * core::kPanelRows<float>;
        if (surrogate_.metric == Metric::manhattan) {
            core::sweep_panel<core::NegativeAbsoluteDifference>(block, rows, bias, consume);
        } else {
            core::sweep_panel<core::Product>(block, rows, bias, consume);
        }
    }

    const Packed<const float> packed;
    const float* groups;
    const RowMeasure* measures;

  private:
    const Surrogate& surrogate_;
    FilterBounds bounds_;
    double largest_norm_;
    bool integral_;
};

// Rows and queries in bytes, four to a word.
class IntegerFilter {
  public:
    using Value = std::int32_t;
    using Measure = IntegerMeasure;
    static constexpr Index kRoom = 192;

    IntegerFilter(
        const Surrogate& surrogate, const Packed<const std::int32_t>& packed, const std::int32_t* groups,
        const IntegerMeasure* measures, Index n_features
    )
        : packed(packed), groups(groups), measures(measures), surrogate_(surrogate), bounds_(surrogate, n_features),
          projected_(surrogate.n_features != n_features) {}

    [[nodiscard]] Index depth() const { return n_words(surrogate_.n_features); }
    // Columns of a projection tell how near a row may be, not how far.
    [[nodiscard]] bool two_sided() const { return !projected_; }
    [[nodiscard]] QueryBound bound(Index query) const { return bounds_.query(measures[query]); }
    [[nodiscard]] double score_of_key(Index query, double key) const {
        return bounds_.score_of_key(measures[query], key);
    }

    // The largest sum that is certainly not above the threshold.
    [[nodiscard]] std::int32_t limit(Index query, float threshold) const {
        const double t = threshold;
        double limit = t + offset(query);
        if (surrogate_.metric != Metric::inner_product) {
            if (t >= 0) return std::numeric_limits<std::int32_t>::max();
            limit = (static_cast<double>(base(query)) + 0.5 - t * t) / 2;
        }
        constexpr double kLowest = std::numeric_limits<std::int32_t>::min();
        constexpr double kHighest = std::numeric_limits<std::int32_t>::max();
        return static_cast<std::int32_t>(std::clamp(std::floor(limit) - 1, kLowest, kHighest));
    }

    [[nodiscard]] core::Vector<float> scores(Index query, core::Vector<std::int32_t> sums) const {
        using Floats = core::Vector<float>;
        if (surrogate_.metric == Metric::inner_product) {
            return __builtin_convertvector(sums - static_cast<std::int32_t>(offset(query)), Floats);
        }
        const auto squares = __builtin_convertvector(base(query) - 2 * sums, Floats) + 0.5F;
        Floats scores;
        for (Index l = 0; l < core::kLanes<float>; ++l) scores[l] = -std::sqrt(std::max(squares[l], 0.0F));
        return scores;
    }

    template <class Consume>
    void sweep(const core::QueryBlock<std::int32_t>& block, Index panel, const Consume& consume) const {
        constexpr Index kRows = core::kPanelRows<std::int32_t>;
        core::sweep_panel<core::ByteProduct>(
            block, packed.panels + panel * kRows * depth(), packed.bias + panel * kRows, consume
        );
    }

    const Packed<const std::int32_t> packed;
    const std::int32_t* groups;
    const IntegerMeasure* measures;

  private:
    // What the offset of the stored rows adds to every sum.
    [[nodiscard]] double offset(Index query) const { return measures[query].sum * static_cast<double>(kByteOffset); }
    // norm(X - Y)^2 is base - 2 * sum, or one more.
    [[nodiscard]] std::int32_t base(Index query) const {
        return static_cast<std::int32_t>(measures[query].square + 2 * offset(query));
    }

    const Surrogate& surrogate_;
    IntegerBounds bounds_;
    bool projected_;
};

} // namespace deeprob::knn
