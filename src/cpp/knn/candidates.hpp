// The rows that the filter could not exclude, for each query of a block. Selection keeps one threshold a query: T, a lower
// bound of the k-th largest score among the rows seen so far. A row whose score is certainly below T has k rows before it in
// (distance, row) order and is dropped; so has one whose score is certainly not above T where rows come in ascending order.
// With a rank below k, T is a bound of the score of that rank: whether it was too high, canonical distances tell at the end.
#pragma once

#include "knn/filter.hpp"
#include "knn/neighbor.hpp"
#include "knn/positions.hpp"
#include "knn/running_threshold.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace deeprob::knn {

// Of the score of a row. What raises thresholds may be a guess, what excludes rows is none.
struct ScoreBounds {
    float low;
    float high;
};

// A row that passed the filter, by its score.
struct Candidate {
    float score;
    std::int32_t position;
};

// How many values exceed a limit. The storage is filled up to whole vectors with kNothing.
inline Index count_above(std::span<const float> values, float limit) {
    const auto bound = core::broadcast(limit);
    Index count = 0;
    for (std::size_t i = 0; i < values.size(); i += core::kLanes<float>) {
        count += std::popcount(core::greater(core::load(values.data() + i), bound));
    }
    return count;
}

// The smallest and the largest of the values above kNothing; at least one is. Storage: see count_above.
inline std::pair<float, float> extremes(std::span<const float> values) {
    const core::Vector<float> none = core::broadcast(kNothing);
    core::Vector<float> low = core::broadcast(-kNothing);
    core::Vector<float> high = none;
    for (std::size_t i = 0; i < values.size(); i += core::kLanes<float>) {
        const core::Vector<float> v = core::load(values.data() + i);
        const core::Vector<float> present = v > none ? v : core::broadcast(-kNothing);
        low = present < low ? present : low;
        high = v > high ? v : high;
    }
    float lanes[2][core::kLanes<float>];
    core::store(lanes[0], low);
    core::store(lanes[1], high);
    return {std::ranges::min(lanes[0]), std::ranges::max(lanes[1])};
}

// A number that at least k of the values reach, and at most a few more: the k-th largest or a little less, by bisection over
// the floats, which takes far fewer steps than an exact selection.
inline float reached_by(std::span<const float> values, Index k) {
    // Floats are ordered like these integers.
    const auto to_integer = [](float x) {
        const auto bits = std::bit_cast<std::int32_t>(x);
        return std::int64_t{bits ^ (bits >> 31 & 0x7fffffff)};
    };
    const auto to_float = [](std::int64_t i) {
        const auto bits = static_cast<std::int32_t>(i);
        return std::bit_cast<float>(bits ^ (bits >> 31 & 0x7fffffff));
    };
    if (count_above(values, kNothing) < k) return kNothing;
    const auto [smallest, largest] = extremes(values);
    // More than k values exceed `low` or all reach it; fewer than k exceed `high`.
    std::int64_t low = to_integer(smallest) - 1;
    std::int64_t high = to_integer(largest);
    while (high - low > 1) {
        const std::int64_t middle = low + (high - low) / 2;
        const Index above = count_above(values, to_float(middle));
        if (above < k) {
            high = middle;
        } else if (above <= k + k / 8) {
            return to_float(middle);
        } else {
            low = middle;
        }
    }
    return to_float(high);
}

class Candidates {
  public:
    static Index bytes_per_query(Index k, Index spare) {
        return capacity(k, spare) * static_cast<Index>(sizeof(float) + sizeof(std::int32_t))
               + k * static_cast<Index>(sizeof(Neighbor)) + RunningThresholds::bytes_per_query(k);
    }

    // `spare`: how many candidates beyond k a query may have before its threshold is tightened.
    Candidates(Index n_queries, Index k, Index spare)
        : k_(k), capacity_(capacity(k, spare)),
          // One vector more than the capacity: compression writes whole vectors.
          stride_(capacity_ + core::kLanes<float>), scores_(size(n_queries * stride_)),
          positions_(size(n_queries * stride_)), counts_(size(n_queries)), marks_(size(n_queries)),
          exact_(size(n_queries * k)), exact_counts_(size(n_queries)), thresholds_(size(n_queries)),
          reached_(size(n_queries)), running_(n_queries, k), upper_(size(stride_)), lower_(size(stride_)),
          merged_(size(2 * k)) {}

    // Of all queries, not less than before, unless these are cleared.
    void set_rank(Index rank) { running_.set_rank(rank); }

    void clear(Index query) {
        counts_[size(query)] = 0;
        exact_counts_[size(query)] = 0;
        thresholds_[size(query)] = reached_[size(query)] = kNothing;
        running_.clear(query);
        mark(query);
    }

    // Whether it is time to tighten: another panel may find no room, or the running threshold needs to start anew.
    [[nodiscard]] bool due(Index query) const {
        return counts_[size(query)] > marks_[size(query)] || running_.is_coarse(query);
    }
    [[nodiscard]] float threshold(Index query) const { return thresholds_[size(query)]; }

    // Appends the lanes of `scores` named by `mask`; lane l is the row at position + l. `bounds`: the low ones. Returns whether the
    // threshold was raised.
    bool append(
        Index query, core::Vector<float> scores, core::Vector<float> bounds, std::int32_t position, std::uint32_t mask
    ) {
        static constexpr auto kIota = [] {
            std::array<std::int32_t, core::kLanes<float>> iota{};
            for (std::size_t l = 0; l < iota.size(); ++l) iota[l] = static_cast<std::int32_t>(l);
            return iota;
        }();
        using Ids = core::Vector<std::int32_t>;
        const Index end = query * stride_ + counts_[size(query)];
        core::compress(scores_.data() + end, scores, mask);
        const Ids ids = core::load(kIota.data()) + position;
        // Positions travel through the float compression by their bits.
        float packed[core::kLanes<float>];
        const Index n = core::compress(packed, reinterpret_cast<core::Vector<float>>(ids), mask);
        std::memcpy(positions_.data() + end, packed, sizeof packed);
        counts_[size(query)] += n;
        bool raised = false;
        const std::uint32_t above = core::greater(bounds, core::broadcast(thresholds_[size(query)]));
        for (std::uint32_t rest = mask & above; rest != 0; rest &= rest - 1) {
            raised |= note(query, scores[std::countr_zero(rest)], bounds[std::countr_zero(rest)]);
        }
        return raised;
    }

    bool append(Index query, float score, float bound, std::int32_t position) {
        const Index end = query * stride_ + counts_[size(query)]++;
        scores_[size(end)] = score;
        positions_[size(end)] = position;
        return note(query, score, bound);
    }

    // Raises the threshold by the bounds of the scores and drops what it excludes. bounds(position, score) are the score's.
    template <class Bounds> void tighten(Index query, const Bounds& bounds) {
        Index& count = counts_[size(query)];
        const Index rank = running_.rank();
        if (count < rank) return;
        float* scores = scores_.data() + query * stride_;
        std::int32_t* positions = positions_.data() + query * stride_;
        for (Index c = 0; c < count; ++c) {
            const ScoreBounds b = bounds(positions[c], scores[c]);
            upper_[size(c)] = b.high;
            lower_[size(c)] = is_bounded(scores[c]) ? b.low : kNothing;
        }
        std::fill_n(lower_.begin() + count, core::round_up(count, core::kLanes<float>) - count, kNothing);
        const float threshold = std::max(thresholds_[size(query)], reached_by({lower_.data(), size(count)}, rank));
        thresholds_[size(query)] = threshold;
        running_.restart(query, {lower_.data(), size(count)}, threshold);
        Index kept = 0;
        for (Index c = 0; c < count; ++c) {
            scores[kept] = scores[c];
            positions[kept] = positions[c];
            // A row that must always pass has an infinite score, whose bound may be NaN.
            kept += upper_[size(c)] < threshold ? 0 : 1;
        }
        count = kept;
        mark(query);
    }

    [[nodiscard]] Index capacity() const { return capacity_; }
    [[nodiscard]] Index count(Index query) const { return counts_[size(query)]; }

    // The candidates, into the front of `out`.
    [[nodiscard]] std::span<Candidate> list(Index query, std::span<Candidate> out) const {
        const auto n = size(counts_[size(query)]);
        for (std::size_t c = 0; c < n; ++c) {
            const std::size_t at = size(query * stride_) + c;
            out[c] = {scores_[at], positions_[at]};
        }
        return out.first(n);
    }

    // Only these remain candidates.
    void assign(Index query, std::span<const Candidate> rest) {
        for (std::size_t c = 0; c < rest.size(); ++c) {
            scores_[size(query * stride_) + c] = rest[c].score;
            positions_[size(query * stride_) + c] = rest[c].position;
        }
        counts_[size(query)] = std::ssize(rest);
        mark(query);
    }

    [[nodiscard]] std::span<const Neighbor> exact(Index query) const {
        return {exact_.data() + query * k_, size(exact_counts_[size(query)])};
    }

    // The k first of `refined`, rows by their canonical keys, and of the exact neighbours so far remain. Reorders `refined`.
    void merge(Index query, std::span<Neighbor> refined) {
        const std::span<const Neighbor> nearest = refined.first(size(keep_smallest(refined, k_)));
        const auto before = exact(query);
        const Index kept = std::min(std::ssize(before) + std::ssize(nearest), k_);
        std::ranges::merge(before, nearest, merged_.begin(), [](const Neighbor& a, const Neighbor& b) {
            return a < b;
        });
        std::copy_n(merged_.begin(), kept, exact_.begin() + query * k_);
        exact_counts_[size(query)] = kept;
    }

    // To a score that k rows reach by their canonical distances.
    void raise(Index query, double threshold) {
        auto rounded = static_cast<float>(threshold);
        if (double{rounded} > threshold) rounded = std::nextafter(rounded, kNothing);
        reached_[size(query)] = std::max(reached_[size(query)], rounded);
        thresholds_[size(query)] = std::max(thresholds_[size(query)], rounded);
    }
    // Whether k rows reach the threshold by their canonical distances, or there is none.
    [[nodiscard]] bool is_reached(Index query) const { return thresholds_[size(query)] <= reached_[size(query)]; }

  private:
    // A row that must always pass has an infinite score, which says nothing.
    static bool is_bounded(float score) { return score < std::numeric_limits<float>::infinity(); }

    bool note(Index query, float score, float bound) {
        float& threshold = thresholds_[size(query)];
        const float before = threshold;
        if (is_bounded(score)) threshold = running_.note(query, bound, threshold);
        return threshold > before;
    }

    // Without a threshold, buckets have no range yet, for which twice as many candidates may do.
    void mark(Index query) {
        const bool has_range = thresholds_[size(query)] > kNothing;
        const Index early = std::max(2 * counts_[size(query)], running_.enough());
        marks_[size(query)] = has_range ? highest_mark() : std::min(highest_mark(), early);
    }
    [[nodiscard]] Index highest_mark() const { return capacity_ - core::kPanelRows<float>; }
    static Index capacity(Index k, Index spare) { return 4 * k + 2 * spare + core::kPanelRows<float>; }
    static std::size_t size(Index n) { return static_cast<std::size_t>(n); }

    Index k_;
    Index capacity_;
    Index stride_;
    std::vector<float> scores_;
    std::vector<std::int32_t> positions_;
    std::vector<Index> counts_;
    std::vector<Index> marks_;
    std::vector<Neighbor> exact_;
    std::vector<Index> exact_counts_;
    std::vector<float> thresholds_;
    std::vector<float> reached_; // at least, by canonical distances
    RunningThresholds running_;
    std::vector<float> upper_; // bounds of the candidates of one query
    std::vector<float> lower_;
    std::vector<Neighbor> merged_; // of one query
};

} // namespace deeprob::knn
