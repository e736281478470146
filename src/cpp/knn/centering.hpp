// What the filters compute with instead of the inputs: x' = scale * (x - center) in T, where x is the row itself or, for the
// cosine, the row divided by its norm. Centring keeps the digits of data far from the origin, the power of two keeps products
// inside T's range; what both cost in accuracy is measured here and bounded in filter.hpp.
#pragma once

#include "core/tile.hpp"
#include "knn/canonical.hpp"

#include <vector>

namespace deeprob::knn {

// Squares of larger values, or their sums, could overflow in the canonical distance: such rows are refused.
inline constexpr double kMaxNorm2 = 1e150;
// Of rows, for the cosine, whose directions need no scaling: others are never filtered, nor are rows without direction.
inline constexpr double kMinCosineNorm2 = 1e-140;
static_assert(kMinCosineNorm2 >= kMinPlainNorm2 && kMaxNorm2 <= kMaxPlainNorm2);
// Centred rows longer than this could overflow T = float in a product of two: such rows are never filtered.
inline constexpr double kMaxCentredNorm = 0x1p60;

struct Centering {
    Metric metric;
    Index n_features;
    double scale;               // a power of two
    std::vector<double> center; // padded with zeros to a multiple of eight
    double center_norm2;
    double center_fraction = 0; // summed distance of its elements from integers

    Centering(Metric metric, const double* center, Index n_features, double scale)
        : metric(metric), n_features(n_features), scale(scale),
          center(static_cast<std::size_t>(core::round_up(n_features, kCanonicalLanes))),
          center_norm2(canonical_norm2(center, n_features)) {
        if (!(scale > 0) || std::isinf(scale)) throw std::invalid_argument("scale must be finite and above 0");
        std::copy_n(center, n_features, this->center.begin());
        for (const double c : this->center) center_fraction += std::abs(c - std::nearbyint(c));
    }
    [[nodiscard]] Index padded_features() const { return static_cast<Index>(center.size()); }
};

// Of v = x - center, before scaling. Crosses the border as five doubles.
struct RowMeasure {
    double input_norm2; // of the row as given; NaN or too large if the row cannot be searched
    double norm2;
    double norm1;
    double center_product; // with the center
    double fraction; // summed distance of the elements of x and of the center from integers: v may hide it by rounding
    [[nodiscard]] bool integral() const { return fraction == 0; }
    [[nodiscard]] bool usable() const { return input_norm2 <= kMaxNorm2; }
    [[nodiscard]] bool filterable(const Centering& centering) const {
        const bool directed = centering.metric != Metric::cosine || input_norm2 >= kMinCosineNorm2;
        return usable() && directed && norm2 * centering.scale * centering.scale <= kMaxCentredNorm * kMaxCentredNorm;
    }
};

// Turns `values`, a row as doubles padded with zeros, into x - center, in place.
inline RowMeasure center_row(const Centering& centering, double* values) {
    using V = core::Vector<double>;
    constexpr Index kWidth = core::kLanes<double>;
    RowMeasure measure{};
    measure.fraction = centering.center_fraction;
    measure.input_norm2 = canonical_norm2(values, centering.n_features);
    double factor = 1;
    if (centering.metric == Metric::cosine) {
        // As direction_of has it: the filters compare the very rows that the canonical distance compares.
        factor = measure.input_norm2 >= kMinCosineNorm2 ? 1 / std::sqrt(measure.input_norm2) : 0;
    }
    // Adding and subtracting 1.5 * 2^52 rounds to an integer.
    const V to_integer = core::broadcast(0x1.8p52);
    V norm2{};
    V norm1{};
    V product{};
    V fraction{};
    for (Index f = 0; f < centering.padded_features(); f += kWidth) {
        const V c = core::load(centering.center.data() + f);
        const V x = core::load(values + f);
        const V v = x * core::broadcast(factor) - c;
        core::store(values + f, v);
        norm2 += v * v;
        norm1 += core::absolute(v);
        product += v * c;
        fraction += core::absolute(x - ((x + to_integer) - to_integer));
    }
    for (Index l = 0; l < kWidth; ++l) {
        measure.norm2 += norm2[l];
        measure.norm1 += norm1[l];
        measure.center_product += product[l];
        measure.fraction += fraction[l];
    }
    return measure;
}

} // namespace deeprob::knn
