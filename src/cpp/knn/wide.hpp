// Distances whose sums leave the range of float64, although they may lie in it themselves: in long double, whose exponents reach
// far beyond. Slow, and for few pairs.
#pragma once

#include "knn/canonical.hpp"

namespace deeprob::knn {

// Whether a distance is what it seems: no square, product or sum on the way to it has vanished or overflowed. The cosine's are
// of rows that are scaled, and absolute values neither vanish nor overflow before their sum does.
inline bool in_range(Metric metric, double distance) {
    constexpr double kLowest = 0x1p-450;
    constexpr double kHighest = 0x1p450;
    if (metric == Metric::cosine || is_absolute(metric)) return true;
    const double size = std::abs(distance);
    return metric == Metric::euclidean ? size >= kLowest && size <= kHighest
                                       : size >= kLowest * kLowest && size <= kHighest * kHighest;
}

// The euclidean or squared distance, or the product, of rows of doubles.
inline double wide_distance(Metric metric, const double* x, const double* y, Index n_features) {
    if (is_euclidean(metric)) {
        double sum = 0;
        canonical_sums<AbsoluteDifferences, 1>(x, &y, n_features, &sum);
        if (sum == 0) return 0; // equal rows are frequent
    }
    long double sum = 0;
    for (Index f = 0; f < n_features; ++f) {
        const long double difference = static_cast<long double>(x[f]) - y[f];
        sum += is_euclidean(metric) ? difference * difference : static_cast<long double>(x[f]) * y[f];
    }
    return static_cast<double>(metric == Metric::euclidean ? std::sqrt(sum) : sum);
}

// `values`: a buffer for a row.
inline bool is_finite(const Rows& rows, Index i, double* values) {
    row_as_double(rows, i, values);
    return std::all_of(values, values + rows.n_features, [](double x) { return std::isfinite(x); });
}

} // namespace deeprob::knn
