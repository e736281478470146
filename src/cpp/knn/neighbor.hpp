// A training row as the neighbour of a query, and the order of neighbours: by key, then by row.
#pragma once

#include "core/matrix.hpp"

#include <algorithm>
#include <limits>
#include <span>

namespace deeprob::knn {

using core::Index;

struct Neighbor {
    double key;
    Index row;
    friend bool operator<(const Neighbor& a, const Neighbor& b) {
        return a.key < b.key || (a.key == b.key && a.row < b.row);
    }
};

inline constexpr Neighbor kNoNeighbor{std::numeric_limits<double>::infinity(), std::numeric_limits<Index>::max()};

// The k smallest in ascending order, at the front; returns their number.
inline Index keep_smallest(std::span<Neighbor> all, Index k) {
    const auto kept = std::min(std::ssize(all), k);
    if (kept < std::ssize(all)) std::nth_element(all.begin(), all.begin() + kept, all.end());
    std::sort(all.begin(), all.begin() + kept);
    return kept;
}

} // namespace deeprob::knn
