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

enum class Metric : std::uint8_t { euclidean, sqeuclidean, manhattan, cosine, inner_product };

inline constexpr std::array<std::string_view, 5> kMetricNames{
    "euclidean", "sqeuclidean", "manhattan", "cosine", "inner_product"
};

inline Metric metric_named(std::string_view name) {
    const auto* const found = std::ranges::find(kMetricNames, name);
    if (found == kMetricNames.end()) throw std::invalid_argument("unknown metric " + std::string(name));
    return static_cast<Metric>(found - kMetricNames.begin());
}

// Euclidean distances come from differences, cosine and inner product from products.
inline bool is_euclidean(Metric metric) { return metric == Metric::euclidean || metric == Metric::sqeuclidean; }

// A key orders neighbours, smallest first; it is the distance itself except for the inner product, whose largest is nearest.
inline double distance_of_key(Metric metric, double key) { return metric == Metric::inner_product ? -key : key; }

inline double key_of_distance(Metric metric, double distance) {
    return metric == Metric::inner_product ? -distance : distance;
}

// `sum` is the canonical sum of squares, of absolute values or of products; the squared norms matter to the cosine only.
// A row of zeros has cosine 0 with every row, as in scikit-learn.
inline double key_of_sum(Metric metric, double sum, double query_norm2, double row_norm2) {
    switch (metric) {
    case Metric::euclidean: return std::sqrt(sum);
    case Metric::inner_product: return -sum;
    case Metric::cosine: {
        const double norms = std::sqrt(query_norm2 * row_norm2);
        return norms > 0 ? std::clamp(1 - sum / norms, 0.0, 2.0) : 1.0;
    }
    case Metric::sqeuclidean:
    case Metric::manhattan: return sum;
    }
    return sum;
}

} // namespace deeprob::knn
