// The proven bounds. For query i and row j of panel p, the micro-kernel's score s differs from the score that orders the
// canonical distances by at most
//     relative_i * |s| + product_i * norm_p + constant_i + panel_i * slack_p .
// docs/exactness.md derives every term; here they are added up, in float64, and rounded up into float32.
#pragma once

#include "core/borrowed.hpp"
#include "knn/centering.hpp"

#include <limits>

namespace deeprob::knn {

inline constexpr double kUnit = 0x1p-24;          // rounding of float32
inline constexpr double kUnit64 = 0x1p-53;        // rounding of float64
inline constexpr double kUnderflow = 0x1p-148;    // of a product and of a sum in float32
inline constexpr double kUnderflow64 = 0x1p-1020; // of a product in float64, and more: subnormals are slow
inline constexpr double kExactIntegers = 0x1p23;  // half integers up to here are exact in float32

// A threshold before there is one.
inline constexpr float kNothing = -std::numeric_limits<float>::infinity();

// What a row adds to the bounds of its panel.
template <class T> struct RowBound {
    T bias; // the term of the score that depends on the row alone; infinite if the row must always pass
    double norm;
    double slack;
};

struct QueryBound {
    float relative;
    float product;
    float constant;
    float panel;
};

inline float rounded_up(double x) { return static_cast<float>(x * (1 + 0x1p-20)); }

class FilterBounds {
  public:
    explicit FilterBounds(core::Borrowed<Centering> centering)
        : centering_(centering), n_(static_cast<double>(centering->n_features)), root_n_(std::sqrt(n_)),
          center_norm_(std::sqrt(centering->center_norm2) * centering->scale), canonical_((n_ / 4 + 32) * kUnit64) {
        const double h = static_cast<double>(core::chain_length(centering->n_features)) * kUnit;
        sum_ = h / (1 - h);
    }

    // The row's part of the score, exactly as the bounds assume it, in the units of the centred rows.
    [[nodiscard]] double bias(const RowMeasure& row) const {
        const double square = centering_.scale * centering_.scale;
        switch (centering_.metric) {
        case Metric::euclidean:
        case Metric::sqeuclidean:
        case Metric::cosine: return -0.5 * row.norm2 * square;
        case Metric::inner_product: return row.center_product * square;
        case Metric::manhattan:
        case Metric::chebyshev: return 0;
        }
        return 0;
    }

    [[nodiscard]] RowBound<double> row(const RowMeasure& row) const {
        constexpr double kAlways = std::numeric_limits<double>::infinity();
        // The smallest of an infinite bias and negative differences is finite: the whole panel passes.
        if (!row.filterable(centering_) && centering_.metric == Metric::chebyshev) return {kAlways, 0, kAlways};
        if (!row.filterable(centering_)) return {kAlways, 0, 0};
        if (is_absolute(centering_.metric)) {
            return {0, 0, 2 * kUnit * row.norm1 * centering_.scale};
        }
        const double norm = std::sqrt(row.norm2) * centering_.scale;
        const double bias = this->bias(row);
        if (std::abs(bias) > kMaxCentredNorm * kMaxCentredNorm) {
            return {kAlways, 0, 0};
        }
        double slack = (sum_ + 2 * kUnit) * std::abs(bias) + kUnderflow * root_n_ * norm;
        slack += is_euclidean(centering_.metric) ? 2 * canonical_ * norm * norm : canonical_ * center_norm_ * norm;
        return {bias, norm, slack};
    }

    // `largest_norm`: of the centred training rows, unscaled; `integral`: whether all of them are made of integers.
    [[nodiscard]] QueryBound query(const RowMeasure& query, double largest_norm, bool integral) const {
        // Panel not 0: its product with the infinite slack of a panel that always passes would be no number.
        if (!query.filterable(centering_)) return {0, 0, std::numeric_limits<float>::infinity(), 1};
        if (integral && query.integral() && is_exact(query, largest_norm)) return {0, 0, 0, 0};
        constexpr float kThresholdRounding = 0x1p-22F;
        const double norm = std::sqrt(query.norm2) * centering_.scale;
        const double square = centering_.scale * centering_.scale;
        if (is_absolute(centering_.metric)) {
            const double constant = 2 * kUnit * query.norm1 * centering_.scale + 4 * n_ * kUnderflow;
            return {rounded_up(sum_ + 2 * canonical_) + kThresholdRounding, 0, rounded_up(constant), 1};
        }
        double product = (sum_ + 3 * kUnit) * norm;
        double constant = kUnderflow * (n_ + root_n_ * norm);
        if (is_euclidean(centering_.metric)) {
            constant += canonical_ * norm * norm + n_ * kUnderflow64 * square;
        } else {
            product += canonical_ * (norm + center_norm_);
            constant += canonical_ * (norm + center_norm_) * center_norm_ + n_ * kUnderflow64 * square;
        }
        return {kThresholdRounding, rounded_up(product), rounded_up(constant), 1};
    }

    // A lower bound of the score of a row whose canonical key is `key`.
    [[nodiscard]] double score_of_key(const RowMeasure& query, double key) const {
        const double square = centering_.scale * centering_.scale;
        if (is_absolute(centering_.metric)) return -key * centering_.scale * (1 + 2 * canonical_);
        if (is_euclidean(centering_.metric)) {
            const double norm2 = query.norm2 * square;
            const double distance2 = distance2_of_key(centering_.metric, key) * square;
            return 0.5 * (norm2 - distance2) - 2 * canonical_ * (norm2 + distance2) - n_ * kUnderflow64 * square;
        }
        const double product = -key;
        const double with_center = query.center_product + centering_.center_norm2;
        const double rounding = std::abs(product) + std::abs(with_center) + centering_.center_norm2
                                + std::sqrt(query.norm2 * centering_.center_norm2);
        return (product - with_center - 2 * canonical_ * rounding) * square;
    }

  private:
    // Sums of integers below 2^24 need no rounding in float32, hence no bound; nor do the canonical sums.
    [[nodiscard]] bool is_exact(const RowMeasure& query, double largest_norm) const {
        const double norm = std::sqrt(query.norm2);
        const double center = std::sqrt(centering_.center_norm2);
        switch (centering_.metric) {
        case Metric::euclidean:
        case Metric::sqeuclidean: return largest_norm * (norm + largest_norm) <= kExactIntegers;
        case Metric::manhattan:
        case Metric::chebyshev: return query.norm1 + root_n_ * largest_norm <= kExactIntegers;
        case Metric::inner_product: return (norm + center) * (largest_norm + center) <= kExactIntegers;
        case Metric::cosine: return false;
        }
        return false;
    }

    const Centering& centering_;
    double n_;
    double root_n_;
    double center_norm_; // in the units of the centred rows
    double canonical_;   // relative error of a canonical sum
    double sum_ = 0;     // relative error of a sum in the micro-kernel
};

} // namespace deeprob::knn
