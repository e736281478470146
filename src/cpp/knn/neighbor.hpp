// A training row as the neighbour of a query, and the order of neighbours: by key, then by row.
#pragma once

#include "core/matrix.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
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

// In ascending order. Many are first distributed into buckets of keys, in place, which spares the comparisons that no processor
// foresees.
inline void sort_neighbors(std::span<Neighbor> all) {
    constexpr std::size_t kFew = 64;
    constexpr std::size_t kMostBuckets = 1024;
    const std::size_t n_buckets = std::min(all.size(), kMostBuckets);
    const auto by_key = [](const Neighbor& a, const Neighbor& b) { return a.key < b.key; };
    const auto [least, most] = std::ranges::minmax_element(all, by_key);
    const double per_key = all.size() < kFew ? 0 : static_cast<double>(n_buckets - 1) / (most->key - least->key);
    // Not where keys are equal, nearly so, or infinite.
    const bool has_range = per_key > 0 && per_key < std::numeric_limits<double>::max();
    if (!has_range) {
        std::ranges::sort(all, [](const Neighbor& a, const Neighbor& b) { return a < b; });
        return;
    }
    // Rounding is monotone: what lies in a higher bucket has a larger key.
    const auto bucket_of = [&, lowest = least->key](const Neighbor& neighbor) {
        return static_cast<std::size_t>((neighbor.key - lowest) * per_key);
    };
    std::array<std::size_t, kMostBuckets> ends{};
    for (const Neighbor& neighbor : all) ++ends[bucket_of(neighbor)];
    std::partial_sum(ends.begin(), ends.begin() + n_buckets, ends.begin());
    std::array<std::size_t, kMostBuckets> places{};
    std::copy_n(ends.begin(), n_buckets - 1, places.begin() + 1);
    for (std::size_t bucket = 0; bucket < n_buckets; ++bucket) {
        const std::size_t first = bucket == 0 ? 0 : ends[bucket - 1];
        while (places[bucket] < ends[bucket]) {
            const std::size_t wanted = bucket_of(all[places[bucket]]);
            if (wanted == bucket) {
                ++places[bucket];
            } else {
                std::swap(all[places[bucket]], all[places[wanted]++]);
            }
        }
        std::ranges::sort(all.subspan(first, ends[bucket] - first), [](const Neighbor& a, const Neighbor& b) {
            return a < b;
        });
    }
}

// The k smallest in ascending order, at the front; returns their number.
inline Index keep_smallest(std::span<Neighbor> all, Index k) {
    const auto kept = std::min(std::ssize(all), k);
    if (kept < std::ssize(all)) std::nth_element(all.begin(), all.begin() + kept, all.end());
    sort_neighbors(all.first(static_cast<std::size_t>(kept)));
    return kept;
}

} // namespace deeprob::knn
