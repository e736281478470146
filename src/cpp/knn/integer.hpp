// Surrogates in bytes: x^ = scale (x - center), rounded to integers X that fit a byte. How far X is from x^ is measured for every
// row, and by the triangle inequality no distance between integers is farther from the real one than both measures together.
#pragma once

#include "knn/filter.hpp"

namespace deeprob::knn {

// Rows are stored as X + kByteOffset, unsigned, queries as they are, signed: what the byte products of processors take.
inline constexpr Index kByteOffset = core::kByteLimit + 1;
// Sums of products of bytes, their offset and the squares of rows stay far below 2^31 up to here.
inline constexpr Index kMaxByteColumns = 8192;

inline Index n_words(Index n_columns) { return core::ceil_div(n_columns, 4); }

// A query, or a row, in integers. Crosses the border as eight doubles.
struct IntegerMeasure {
    RowMeasure row;
    double square;   // sum of X^2
    double sum;      // of X
    double residual; // norm of x^ - X, rounded up; infinite if the bytes say nothing
    [[nodiscard]] bool usable() const { return row.usable(); }
};

// Rounds a centred row, padded with zeros to a multiple of eight, to bytes; the padding becomes zeros.
inline IntegerMeasure round_to_bytes(
    const Surrogate& surrogate, const RowMeasure& row, const double* centred, std::int8_t* out
) {
    using V = core::Vector<double>;
    constexpr Index kWidth = core::kLanes<double>;
    const V to_integer = core::broadcast(0x1.8p52);
    const V limit = core::broadcast(static_cast<double>(core::kByteLimit));
    const V scale = core::broadcast(surrogate.scale);
    V square{};
    V sum{};
    V residual{};
    for (Index f = 0; f < surrogate.padded_features(); f += kWidth) {
        const V value = core::load(centred + f) * scale;
        const V below = value > limit ? limit : value;
        const V clipped = below < -limit ? -limit : below;
        const V integer = (clipped + to_integer) - to_integer;
        const V rest = value - integer;
        square += integer * integer;
        sum += integer;
        residual += rest * rest;
        core::store_as_bytes(out + f, integer);
    }
    IntegerMeasure measure{row, 0, 0, 0};
    for (Index l = 0; l < kWidth; ++l) {
        measure.square += square[l];
        measure.sum += sum[l];
        measure.residual += residual[l];
    }
    // Rounding of float64 in the row, the normalisation, the center, the scale and the sums above.
    constexpr double kRounding = 0x1p-40;
    const double norm = (std::sqrt(row.norm2) + (surrogate.metric == Metric::cosine ? 1 : 0)) * surrogate.scale;
    measure.residual = std::sqrt(measure.residual) * (1 + kRounding) + kRounding * norm;
    // Cosine: a row of zeros has no direction, a tiny one none that is known well enough.
    const bool directed = surrogate.metric != Metric::cosine || row.input_norm2 >= kMinCosineNorm2;
    if (!row.usable() || !directed) measure.residual = std::numeric_limits<double>::infinity();
    return measure;
}

// The bounds of integer scores. Euclidean and cosine: the score is -norm(X - Y), the cosine's rows being normalised; inner
// product: X.Y + s c.y^. Errors have the form of filter.hpp.
class IntegerBounds {
  public:
    // `n_features`: of the canonical distance; the surrogate has as many columns as are packed.
    IntegerBounds(const Surrogate& surrogate, Index n_features)
        : surrogate_(surrogate), n_(static_cast<double>(n_features)), canonical_((n_ / 4 + 32) * kUnit64),
          center_norm_(std::sqrt(surrogate.center_norm2) * surrogate.scale) {}

    // Infinite slack if the row must always pass.
    [[nodiscard]] RowBound<std::int32_t> row(const IntegerMeasure& row) const {
        constexpr double kLargestBias = 0x1p29;
        if (std::isinf(row.residual)) return kAlways;
        if (surrogate_.metric != Metric::inner_product) {
            return {-static_cast<std::int32_t>(row.square / 2), 0, row.residual};
        }
        const double bias = row.row.center_product * surrogate_.scale * surrogate_.scale;
        if (!(std::abs(bias) <= kLargestBias)) return kAlways;
        return {static_cast<std::int32_t>(std::lrint(bias)), std::sqrt(row.row.norm2) * surrogate_.scale, row.residual};
    }

    [[nodiscard]] QueryBound query(const IntegerMeasure& query) const {
        constexpr float kScoreRounding = 0x1p-20F; // of the conversion to float, the root and the comparison
        // Panel not 0: its product with the infinite slack of a panel that always passes would be no number.
        if (std::isinf(query.residual)) return {0, 0, std::numeric_limits<float>::infinity(), 1};
        if (surrogate_.metric != Metric::inner_product) {
            constexpr double kParity =
                0.75; // halves of odd squares are rounded down: sqrt(A + 1/2) is sqrt(A) or sqrt(A + 1)
            return {kScoreRounding, 0, rounded_up(query.residual + kParity + double{canonical_error()}), 1};
        }
        const double norm = std::sqrt(query.row.norm2) * surrogate_.scale;
        const double canonical = canonical_ * (norm + center_norm_);
        return {
            kScoreRounding, rounded_up(query.residual + canonical),
            rounded_up(1 + canonical * center_norm_ + n_ * kUnderflow64 * surrogate_.scale * surrogate_.scale),
            rounded_up(std::sqrt(query.square) + 1) // not 0 either
        };
    }

    // A lower bound of the score of a row whose canonical key is `key`.
    [[nodiscard]] double score_of_key(const IntegerMeasure& query, double key) const {
        if (surrogate_.metric == Metric::inner_product) return FilterBounds(surrogate_).score_of_key(query.row, key);
        return score_of_distance(key);
    }

    // The same, of distances.
    [[nodiscard]] double score_of_distance(double key) const {
        double distance = key;
        if (surrogate_.metric == Metric::sqeuclidean) distance = std::sqrt(key);
        if (surrogate_.metric == Metric::cosine) distance = std::sqrt(2 * (key + 8 * canonical_));
        return -(distance * (1 + canonical_) + std::sqrt(n_ * kUnderflow64)) * surrogate_.scale;
    }

    // What canonical distances may be off by, besides a relative error far below that of a score in float32.
    [[nodiscard]] float canonical_error() const {
        const double cosine = surrogate_.metric == Metric::cosine ? 4 * std::sqrt(canonical_) : 0;
        return rounded_up((cosine + std::sqrt(n_ * kUnderflow64)) * surrogate_.scale);
    }

  private:
    static constexpr RowBound<std::int32_t> kAlways{0, 0, std::numeric_limits<double>::infinity()};

    const Surrogate& surrogate_;
    double n_;
    double canonical_;   // relative error of a canonical sum
    double center_norm_; // in the units of the surrogates
};

} // namespace deeprob::knn
