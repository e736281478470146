// Exact neighbours from a tree of boxes, nearest boxes first. Sums of leaves are canonical at once; a box is passed over when
// its sum excludes it. Queries are answered in the order of their leaves: neighbours share what the cache holds.
#pragma once

#include "core/borrowed.hpp"
#include "knn/boxes.hpp"
#include "knn/centering.hpp"
#include "knn/nearest_list.hpp"
#include "knn/search.hpp"

#include <bit>
#include <limits>
#include <memory>
#include <vector>

namespace deeprob::knn {

// What one thread works with, whatever the terms, the type of values and the width: who asks query by query is compiled once.
class BoxWorker {
  public:
    virtual ~BoxWorker() = default;

    // Reads a query; says whether it can be searched.
    virtual bool load(const Rows& queries, Index i) = 0;

    // The leaf that the nearest boxes lead to.
    virtual Index leaf() = 0;

    // The neighbours of the query loaded last, near that leaf at best. Returns nothing if it was stopped.
    virtual std::span<const Neighbor> search(Index leaf, const core::Stopped& stopped) = 0;

    // Appends the distinct rows whose key is `key` at most, in any order. Returns whether it came to its end.
    virtual bool search_within(double key, const core::Stopped& stopped, std::vector<Neighbor>& out) = 0;

    [[nodiscard]] virtual Index n_refined() const = 0;
    [[nodiscard]] virtual Index n_visited() const = 0;
};

// Sums of boxes, and first those of rows, are computed in T.
template <class Terms, class T, Index kWidth> class BoxSearch final : public BoxWorker {
  public:
    // `n_rows`: of the training data.
    BoxSearch(core::Borrowed<BoxShape> shape, const BoxTree<const T>& tree, Metric metric, Index k, Index n_rows)
        : shape_(shape), n_rows_(n_rows), tree_(tree), nearest_(k), metric_(metric) {}

    bool load(const Rows& queries, Index i) override {
        few_as_double(queries, i, exact_);
        if (!(canonical_sum<kWidth>([&](Index f) { return exact_[f] * exact_[f]; }) <= kMaxNorm2)) return false;
        constexpr double kLargest = std::numeric_limits<T>::max();
        for (Index f = 0; f < kWidth; ++f) query_[f] = static_cast<T>(std::clamp(exact_[f], -kLargest, kLargest));
        const double sum =
            canonical_sum<kWidth, Terms>([&](Index f) { return Terms::term(exact_[f], double{query_[f]}); });
        moved_ = std::is_same_v<Terms, SquaredDifferences> ? std::sqrt(sum) : sum;
        return true;
    }

    Index leaf() override {
        Index at = 0;
        for (int level = shape_.n_levels - 1; level >= 0; --level) {
            T sums[kFanOut];
            box_sums<Terms, kWidth>(query_, node(level, at), sums);
            at = at * kFanOut + (std::min_element(sums, sums + shape_.n_children_of(level, at)) - sums);
        }
        return at;
    }

    std::span<const Neighbor> search(Index leaf, const core::Stopped& stopped) override {
        nearest_.clear();
        sum_limit_ = std::numeric_limits<double>::infinity();
        limit_ = std::numeric_limits<T>::infinity();
        scan_sorted(leaf);
        n_waiting_ = 0;
        expand(shape_.n_levels - 1, 0);
        for (Index n_leaves = 0; n_waiting_ > 0;) {
            const Place place = waiting_[--n_waiting_];
            if (place.sum > limit_) continue;
            if (place.level >= 0) {
                expand(place.level, place.number);
                continue;
            }
            if (place.number == leaf) continue;
            scan(place.number);
            if (++n_leaves % kLeavesBetweenQuestions == 0 && stopped()) return {};
        }
        if (!nearest_.is_full()) throw_damaged(); // the tree has lost rows
        return nearest_.sorted();
    }

    bool search_within(double key, const core::Stopped& stopped, std::vector<Neighbor>& out) override {
        set_limits(key);
        n_waiting_ = 0;
        expand(shape_.n_levels - 1, 0);
        for (Index n_leaves = 0; n_waiting_ > 0;) {
            const Place place = waiting_[--n_waiting_];
            if (place.level >= 0) {
                expand(place.level, place.number);
                continue;
            }
            collect(place.number, key, out);
            if (++n_leaves % kLeavesBetweenQuestions == 0 && stopped()) return false;
        }
        return true;
    }

    [[nodiscard]] Index n_refined() const override { return n_refined_; }
    [[nodiscard]] Index n_visited() const override { return n_visited_; }

  private:
    static constexpr Index kLeavesBetweenQuestions = 64;

    // A node, or a leaf on level -1, and the sum of its box.
    struct Place {
        T sum;
        std::int32_t number;
        std::int32_t level;
    };

    [[nodiscard]] const T* node(int level, Index number) const {
        return tree_.boxes + shape_.node(level, number) * (2 * kFanOut * kWidth);
    }

    // Puts the children that may hold a neighbour on top of those that wait, the nearest last.
    void expand(int level, Index number) {
        T sums[kFanOut];
        box_sums<Terms, kWidth>(query_, node(level, number), sums);
        Place* const first = waiting_ + n_waiting_;
        Place* last = first;
        // The boxes beyond the last child are NaN, if nobody has changed the tree.
        const std::uint32_t children = (std::uint32_t{1} << shape_.n_children_of(level, number)) - 1;
        for (auto rest = within<kFanOut>(sums, limit_) & children; rest != 0; rest &= rest - 1) {
            const Index child = std::countr_zero(rest);
            Place* at = last++;
            for (; at != first && at[-1].sum < sums[child]; --at) *at = at[-1];
            *at = {sums[child], static_cast<std::int32_t>(number * kFanOut + child), level - 1};
        }
        n_waiting_ += last - first;
    }

    [[nodiscard]] const T* values(Index leaf) const { return tree_.values + leaf * (kLeafRows * kWidth); }

    void scan(Index leaf) {
        T sums[kLeafRows];
        n_visited_ += kLeafRows;
        leaf_sums<Terms, kWidth>(query_, values(leaf), sums);
        for (auto rest = within<kLeafRows>(sums, limit_); rest != 0; rest &= rest - 1) {
            const Index r = std::countr_zero(rest);
            if (sums[r] <= limit_) insert(leaf, r, sums[r]);
        }
    }

    // The first leaf, best rows first: others would be inserted to be pushed out again.
    void scan_sorted(Index leaf) {
        T sums[kLeafRows];
        n_visited_ += kLeafRows;
        leaf_sums<Terms, kWidth>(query_, values(leaf), sums);
        const std::uint32_t all = within<kLeafRows>(sums, limit_);
        std::uint8_t ranked[kLeafRows];
        for (auto rest = all; rest != 0; rest &= rest - 1) {
            const Index r = std::countr_zero(rest);
            const std::uint32_t equal_before = within<kLeafRows>(sums, sums[r]) & ((rest & -rest) - 1);
            const std::uint32_t smaller = core::below<kLeafRows>(sums, sums[r]);
            ranked[std::popcount(smaller | equal_before)] = static_cast<std::uint8_t>(r);
        }
        for (Index i = 0; i < std::popcount(all); ++i) {
            const Index r = ranked[i];
            if (sums[r] > limit_) break;
            insert(leaf, r, sums[r]);
        }
    }

    void insert(Index leaf, Index r, T computed) {
        const double sum = canonical(leaf, r, computed);
        ++n_refined_;
        if (sum <= sum_limit_) {
            nearest_.insert({key_of_sum(metric_, sum), row(leaf, r)});
            if (nearest_.is_full()) set_limits(nearest_.last().key);
        }
    }

    // Sums whose key equals `key` must pass: a row at the same distance may come before.
    void set_limits(double key) {
        sum_limit_ = metric_ == Metric::euclidean ? largest_square_of(key) : key;
        limit_ = limit_of(sum_limit_);
    }

    [[nodiscard]] Index row(Index leaf, Index r) const {
        const Index row = tree_.rows[leaf * kLeafRows + r];
        if (row < 0 || row >= n_rows_) throw_damaged();
        return row;
    }

    void collect(Index leaf, double most, std::vector<Neighbor>& out) {
        T sums[kLeafRows];
        n_visited_ += kLeafRows;
        leaf_sums<Terms, kWidth>(query_, values(leaf), sums);
        for (auto rest = within<kLeafRows>(sums, limit_); rest != 0; rest &= rest - 1) {
            const Index r = std::countr_zero(rest);
            const double key = key_of_sum(metric_, canonical(leaf, r, sums[r]));
            ++n_refined_;
            if (key <= most) out.push_back({key, row(leaf, r)});
        }
    }

    // The canonical sum of a row, given the one in T.
    [[nodiscard]] double canonical(Index leaf, Index r, T computed) const {
        if constexpr (std::is_same_v<T, double>) {
            return computed;
        } else {
            const T* const row = values(leaf) + r;
            return canonical_sum<kWidth, Terms>([&](Index f) {
                return Terms::term(exact_[f], static_cast<double>(row[f * kLeafRows]));
            });
        }
    }

    // The largest sum in T of a row whose canonical sum is `limit` or less; see docs/exactness.md.
    [[nodiscard]] T limit_of(double limit) const {
        if constexpr (std::is_same_v<T, double>) {
            return limit;
        } else {
            constexpr double kRounding = 1 + (kWidth + 8) * 0x1p-24;
            constexpr double kLargest = std::numeric_limits<T>::max();
            double widened = limit;
            if (moved_ > 0) {
                widened = moved_ + (std::is_same_v<Terms, SquaredDifferences> ? std::sqrt(limit) : limit);
                if (std::is_same_v<Terms, SquaredDifferences>) widened *= widened;
            }
            widened = widened * kRounding + kWidth * 0x1p-148;
            return widened < kLargest ? static_cast<T>(widened) : std::numeric_limits<T>::infinity();
        }
    }

    alignas(64) double exact_[core::round_up(kWidth, kCanonicalLanes)] = {};
    const BoxShape& shape_;
    Index n_rows_;
    double moved_ = 0; // distance of the query from what it is in T
    Index n_refined_ = 0;
    Index n_visited_ = 0;
    Index n_waiting_ = 0;
    BoxTree<const T> tree_;
    NearestList nearest_;
    Metric metric_;
    double sum_limit_ = 0; // what a canonical sum must not exceed
    T limit_ = 0;          // what a sum in T must not exceed
    T query_[kWidth] = {};
    Place waiting_[kFanOut * BoxShape::kMaxLevels];
};

} // namespace deeprob::knn
