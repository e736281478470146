// For each query of a block, a number that at least `rank` lower bounds of scores reach: nearly the rank-th largest, raised bound
// by bound. Few are kept in a list, many are counted in buckets.
#pragma once

#include "knn/filter.hpp"

#include <algorithm>
#include <limits>
#include <span>
#include <vector>

namespace deeprob::knn {

class RunningThresholds {
  public:
    static Index bytes_per_query(Index k) {
        return k <= kFew ? k * static_cast<Index>(sizeof(float)) : static_cast<Index>(sizeof(Buckets));
    }

    RunningThresholds(Index n_queries, Index k)
        : k_(k), rank_(k), lists_(k <= kFew ? size(n_queries * k) : 0), buckets_(k <= kFew ? 0 : size(n_queries)) {}

    void clear(Index query) {
        if (k_ <= kFew) {
            std::fill_n(lists_.begin() + query * k_, k_, kNothing);
        } else {
            buckets_[size(query)] = {};
        }
    }

    // At most k, and not less than before.
    void set_rank(Index rank) { rank_ = rank; }
    [[nodiscard]] Index rank() const { return rank_; }

    // How many bounds make a `restart` worth it that finds more than `rank` of them: buckets need to know a range.
    [[nodiscard]] Index enough() const {
        return k_ <= kFew ? std::numeric_limits<Index>::max() : rank_ + rank_ / 8 + 16;
    }

    // Whether the bounds must be counted anew, by `restart`, to tell more of them apart.
    [[nodiscard]] bool is_coarse(Index query) const { return k_ > kFew && buckets_[size(query)].first > kBuckets / 2; }

    // One more row has a score of at least `bound`; bounds up to `threshold` do not matter. Returns the new threshold.
    float note(Index query, float bound, float threshold) {
        if (!(bound > threshold)) return threshold;
        return std::max(threshold, k_ <= kFew ? insert(query, bound) : count(query, bound));
    }

    // Counts these bounds, of which at least `rank` reach the threshold, in place of those seen so far.
    void restart(Index query, std::span<const float> bounds, float threshold) {
        if (k_ <= kFew) return;
        Buckets& b = buckets_[size(query)] = {};
        const float highest = std::ranges::max(bounds);
        const float per_unit = static_cast<float>(kBuckets) / (highest - threshold);
        // Not where the range is empty, or too narrow or wide for float32.
        const bool has_range = highest > threshold && per_unit < std::numeric_limits<float>::max() && per_unit > 0;
        if (!has_range) return;
        b.lowest = threshold;
        b.per_unit = per_unit;
        for (const float bound : bounds) {
            if (bound > threshold) count(query, bound);
        }
    }

  private:
    static constexpr Index kFew = 32;
    static constexpr Index kBuckets = 64;

    // Bucket b counts bounds x with (x - lowest) per_unit from b to b + 1, and the last one all above. As rounding is monotone,
    // what lies in a higher bucket is not smaller, however the product is rounded.
    struct Buckets {
        float lowest = std::numeric_limits<float>::infinity(); // nothing is counted
        float per_unit = 0;
        Index first = 0;   // those below are done with
        Index n_above = 0; // in the first bucket and above
        std::int32_t counts[kBuckets] = {};
        float smallest[kBuckets] = {}; // of the bounds in a bucket
    };

    static std::size_t size(Index n) { return static_cast<std::size_t>(n); }

    // The list ascends.
    float insert(Index query, float bound) {
        float* list = lists_.data() + query * k_;
        Index i = 1;
        for (; i < k_ && list[i] < bound; ++i) list[i - 1] = list[i];
        list[i - 1] = bound;
        return list[k_ - rank_];
    }

    float count(Index query, float bound) {
        Buckets& b = buckets_[size(query)];
        if (!(bound > b.lowest)) return kNothing;
        const auto place = std::min(static_cast<float>(kBuckets - 1), (bound - b.lowest) * b.per_unit);
        const auto bucket = static_cast<Index>(place);
        if (bucket < b.first) return kNothing;
        b.smallest[bucket] = b.counts[bucket] == 0 ? bound : std::min(b.smallest[bucket], bound);
        ++b.counts[bucket];
        ++b.n_above;
        while (b.n_above - b.counts[b.first] >= rank_) b.n_above -= b.counts[b.first++];
        return b.n_above >= rank_ ? b.smallest[b.first] : kNothing;
    }

    Index k_;
    Index rank_;
    std::vector<float> lists_;
    std::vector<Buckets> buckets_;
};

} // namespace deeprob::knn
