// Centred rows in bytes: x^ = scale (x - center), rounded to integers X that fit a byte. How far X is from x^ is measured for every
// row, and by the triangle inequality no distance between integers is farther from the real one than both measures together.
#pragma once

#include "core/borrowed.hpp"
#include "knn/filter.hpp"

namespace deeprob::knn {

// For products, rows are stored as X + kByteOffset, unsigned, queries as they are, signed: what processors multiply.
inline constexpr Index kByteOffset = core::kByteLimit + 1;
// Relative, of a score in float32: the conversion, the root, and the comparison with a threshold.
inline constexpr double kScoreRounding = 0x1p-20;
// Sums of products of bytes, their offset and the squares of rows stay far below 2^31 up to here.
inline constexpr Index kMaxByteColumns = 8192;

inline Index n_words(Index n_columns) { return core::ceil_div(n_columns, 4); }

// The integers that are stored, and what is added where they are stored unsigned.
struct ByteRange {
    double lowest;
    double highest;
    Index offset;
};

// Minima, stored unsigned on both sides, take all eight bits.
inline ByteRange byte_range(Metric metric) {
    if (metric == Metric::manhattan) return {-128, 127, 128};
    constexpr auto kLimit = static_cast<double>(core::kByteLimit);
    return {-kLimit, kLimit, kByteOffset};
}

// A query, or a row, in integers. Crosses the border as eight doubles.
struct IntegerMeasure {
    RowMeasure row;
    double square;   // sum of X^2
    double sum;      // of X
    double residual; // norm of x^ - X, rounded up; infinite if the bytes say nothing. Manhattan: see norm1_residual
    [[nodiscard]] bool usable() const { return row.usable(); }
};

// Rounding of float64 in the row, the normalisation, the center, the scale and the sums of the residual.
inline constexpr double kResidualRounding = 0x1p-40;

inline double norm2_residual(const Centering& centering, const RowMeasure& row, double rest) {
    const double norm = std::sqrt(row.norm2) * centering.scale;
    return std::sqrt(rest) * (1 + kResidualRounding) + kResidualRounding * norm;
}

// The 1-norm of x^ - X, and what comparisons and canonical distances round; 0 for integers in range, which never are rounded.
inline double norm1_residual(const Centering& centering, const RowMeasure& row, double rest) {
    if (rest == 0 && row.integral() && centering.scale == 1) return 0;
    const ByteRange range = byte_range(centering.metric);
    const double largest_score = (range.highest - range.lowest) * static_cast<double>(centering.n_features);
    return rest * (1 + kResidualRounding) + kResidualRounding * row.norm1 * centering.scale
           + kScoreRounding * largest_score;
}

// Rounds a centred row, padded with zeros to a multiple of eight, to bytes; the padding becomes zeros.
inline IntegerMeasure round_to_bytes(
    const Centering& centering, const RowMeasure& row, const double* centred, std::int8_t* out
) {
    using V = core::Vector<double>;
    constexpr Index kWidth = core::kLanes<double>;
    const V to_integer = core::broadcast(0x1.8p52);
    const ByteRange range = byte_range(centering.metric);
    const V lowest = core::broadcast(range.lowest);
    const V highest = core::broadcast(range.highest);
    const bool manhattan = centering.metric == Metric::manhattan;
    const V scale = core::broadcast(centering.scale);
    V square{};
    V sum{};
    V rest{};
    for (Index f = 0; f < centering.padded_features(); f += kWidth) {
        const V value = core::load(centred + f) * scale;
        const V below = value > highest ? highest : value;
        const V clipped = below < lowest ? lowest : below;
        const V integer = (clipped + to_integer) - to_integer;
        const V difference = value - integer;
        square += integer * integer;
        sum += integer;
        rest += manhattan ? core::absolute(difference) : difference * difference;
        core::store_as_bytes(out + f, integer);
    }
    IntegerMeasure measure{row, 0, 0, 0};
    double total = 0;
    for (Index l = 0; l < kWidth; ++l) {
        measure.square += square[l];
        measure.sum += sum[l];
        total += rest[l];
    }
    measure.residual = manhattan ? norm1_residual(centering, row, total) : norm2_residual(centering, row, total);
    const bool directed = centering.metric != Metric::cosine || row.input_norm2 >= kMinCosineNorm2;
    if (!row.usable() || !directed) measure.residual = std::numeric_limits<double>::infinity();
    return measure;
}

// The bounds of integer scores. Euclidean and cosine: the score is -norm(X - Y), the cosine's rows being normalised; manhattan:
// -sum |X - Y|; inner product: X.Y + s c.y^. Errors have the form of filter.hpp.
class IntegerBounds {
  public:
    // `n_features`: of the canonical distance; the centering has as many columns as are packed.
    IntegerBounds(core::Borrowed<Centering> centering, Index n_features)
        : centering_(centering), n_(static_cast<double>(n_features)), canonical_((n_ / 4 + 32) * kUnit64),
          center_norm_(std::sqrt(centering->center_norm2) * centering->scale) {}

    // Infinite slack if the row must always pass.
    [[nodiscard]] RowBound<std::int32_t> row(const IntegerMeasure& row) const {
        constexpr double kLargestBias = 0x1p29;
        if (std::isinf(row.residual)) return kAlways;
        if (centering_.metric == Metric::manhattan) return {core::saturated(-row.sum), 0, row.residual};
        if (centering_.metric != Metric::inner_product) {
            return {core::saturated(-row.square / 2), 0, row.residual};
        }
        const double bias = row.row.center_product * centering_.scale * centering_.scale;
        if (!(std::abs(bias) <= kLargestBias)) return kAlways;
        return {static_cast<std::int32_t>(std::lrint(bias)), std::sqrt(row.row.norm2) * centering_.scale, row.residual};
    }

    [[nodiscard]] QueryBound query(const IntegerMeasure& query) const {
        // Panel not 0: its product with the infinite slack of a panel that always passes would be no number.
        if (std::isinf(query.residual)) return {0, 0, std::numeric_limits<float>::infinity(), 1};
        if (centering_.metric == Metric::manhattan) return {0, 0, rounded_up(query.residual), 1};
        if (centering_.metric != Metric::inner_product) {
            constexpr double kParity =
                0.75; // halves of odd squares are rounded down: sqrt(A + 1/2) is sqrt(A) or sqrt(A + 1)
            return {kRelative, 0, rounded_up(query.residual + kParity + double{canonical_error()}), 1};
        }
        const double norm = std::sqrt(query.row.norm2) * centering_.scale;
        const double canonical = canonical_ * (norm + center_norm_);
        return {
            kRelative, rounded_up(query.residual + canonical),
            rounded_up(1 + canonical * center_norm_ + n_ * kUnderflow64 * centering_.scale * centering_.scale),
            rounded_up(std::sqrt(query.square) + 1) // not 0 either
        };
    }

    // A lower bound of the score of a row whose canonical key is `key`.
    [[nodiscard]] double score_of_key(const IntegerMeasure& query, double key) const {
        if (centering_.metric == Metric::inner_product) return FilterBounds(centering_).score_of_key(query.row, key);
        // Residuals that are not 0 cover rounding.
        if (centering_.metric == Metric::manhattan) return -key * centering_.scale;
        return score_of_distance(key);
    }

    // The same, of distances.
    [[nodiscard]] double score_of_distance(double key) const {
        const double distance =
            centering_.metric == Metric::euclidean ? key : std::sqrt(distance2_of_key(centering_.metric, key));
        return -(distance * (1 + canonical_) + std::sqrt(n_ * kUnderflow64)) * centering_.scale;
    }

    // What canonical distances may be off by, besides a relative error far below that of a score in float32.
    [[nodiscard]] float canonical_error() const { return rounded_up(std::sqrt(n_ * kUnderflow64) * centering_.scale); }

  private:
    static constexpr auto kRelative = static_cast<float>(kScoreRounding);
    static constexpr RowBound<std::int32_t> kAlways{0, 0, std::numeric_limits<double>::infinity()};

    const Centering& centering_;
    double n_;
    double canonical_;   // relative error of a canonical sum
    double center_norm_; // in the units of the centred rows
};

} // namespace deeprob::knn
