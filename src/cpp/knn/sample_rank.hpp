// Thresholds from a sample. Of the k nearest of all rows, a fair sample has about its share, hardly more: a row that is worse than
// more of the sample than that is almost certainly none of the k.
#pragma once

#include "core/matrix.hpp"

#include <cmath>

namespace deeprob::knn {

using core::Index;

// A number that the k nearest of n_rows rows among the first n_seen of them, which come in random order, rarely reach: by Bernstein's
// inequality, with a probability below exp(-z^2 / 2).
inline Index sample_rank(Index k, Index n_seen, Index n_rows) {
    constexpr double kDeviations = 4; // z
    const double fraction = static_cast<double>(n_seen) / static_cast<double>(n_rows);
    const double mean = fraction * static_cast<double>(k);
    const double variance = mean * (1 - fraction);
    constexpr double kLinear = kDeviations * kDeviations / 6;
    const double excess = kLinear + std::sqrt(kLinear * kLinear + kDeviations * kDeviations * variance);
    return std::min(k, static_cast<Index>(std::ceil(mean + excess)));
}

} // namespace deeprob::knn
