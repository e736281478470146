// The metrics by name, and what follows from the choice of one.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace deeprob::knn {

enum class Metric : std::uint8_t { euclidean, sqeuclidean, manhattan, chebyshev, cosine, inner_product };

inline constexpr std::array<std::string_view, 6> kMetricNames{"euclidean", "sqeuclidean", "manhattan",
                                                              "chebyshev", "cosine",      "inner_product"};

inline Metric metric_named(std::string_view name) {
    const auto* const place = std::ranges::find(kMetricNames, name);
    if (place == kMetricNames.end()) throw std::invalid_argument("unknown metric " + std::string(name));
    return static_cast<Metric>(place - kMetricNames.begin());
}

// Distances that come from squared differences: of rows, or of their directions, as the cosine's, which is half their sum.
inline bool is_euclidean(Metric metric) {
    return metric == Metric::euclidean || metric == Metric::sqeuclidean || metric == Metric::cosine;
}

// Distances that come from absolute differences: their sum, or the largest of them.
inline bool is_absolute(Metric metric) { return metric == Metric::manhattan || metric == Metric::chebyshev; }

// A key orders neighbours, smallest first; it is the distance itself except for the inner product, whose largest is nearest.
inline double distance_of_key(Metric metric, double key) { return metric == Metric::inner_product ? -key : key; }

inline double key_of_distance(Metric metric, double distance) {
    return metric == Metric::inner_product ? -distance : distance;
}

// `sum` is the canonical sum of squares, of absolute values or of products, or the largest absolute value. `directed`: whether both rows have a direction; a row
// of zeros has none, and cosine 0 with every row, as in scikit-learn.
inline double key_of_sum(Metric metric, double sum, bool directed = true) {
    switch (metric) {
    case Metric::euclidean: return std::sqrt(sum);
    case Metric::inner_product: return -sum;
    case Metric::cosine: return directed ? std::min(sum / 2, 2.0) : 1.0;
    case Metric::sqeuclidean:
    case Metric::manhattan:
    case Metric::chebyshev: return sum;
    }
    return sum;
}

// A limit of sums of squares: the root of a larger sum is above `key`. Sums a little apart may have equal roots, and tiny squares
// underflow.
inline double largest_square_of(double key) {
    constexpr double kTiny = 0x1p-1000;
    return std::max(key * key * (1 + 0x1p-50), kTiny);
}

// The squared distance, of rows or of directions, that a key stands for.
inline double distance2_of_key(Metric metric, double key) {
    switch (metric) {
    case Metric::euclidean: return key * key;
    case Metric::cosine: return 2 * key;
    default: return key;
    }
}

} // namespace deeprob::knn
