// Exact neighbours from a tree of boxes, nearest boxes first. Sums of leaves are canonical at once; a box is passed over when
// its sum excludes it. Queries are answered in the order of their leaves: neighbours share what the cache holds.
#pragma once

#include "knn/boxes.hpp"
#include "knn/search.hpp"
#include "knn/surrogate.hpp"

#include <bit>
#include <limits>
#include <memory>
#include <vector>

namespace deeprob::knn {

// The k first of the neighbours inserted so far: a sorted list if k is small, else a heap.
class NearestList {
  public:
    explicit NearestList(Metric metric, Index k) : metric_(metric), k_(k), list_(static_cast<std::size_t>(k)) {}

    void clear() {
        count_ = 0;
        limit_ = std::numeric_limits<double>::infinity();
    }

    // Sums above the limit belong to no neighbour that could be inserted.
    [[nodiscard]] double limit() const { return limit_; }

    void insert(double sum, Index row) {
        const Neighbor neighbor{key_of_sum(metric_, sum, 0, 0), row};
        Neighbor* const list = list_.data();
        if (count_ < k_) {
            list[count_++] = neighbor;
            if (k_ > kFew) {
                if (count_ == k_) std::make_heap(list, list + k_);
            } else {
                sink(count_ - 1);
            }
        } else if (k_ > kFew) {
            if (!(neighbor < list[0])) return;
            std::pop_heap(list, list + k_);
            list[k_ - 1] = neighbor;
            std::push_heap(list, list + k_);
        } else {
            if (!(neighbor < list[k_ - 1])) return;
            list[k_ - 1] = neighbor;
            sink(k_ - 1);
        }
        if (count_ == k_) limit_ = limit_of(list[k_ > kFew ? 0 : k_ - 1].key);
    }

    // In ascending order; ends the list.
    std::span<const Neighbor> sorted() {
        if (k_ > kFew) std::sort_heap(list_.begin(), list_.end());
        return list_;
    }

  private:
    static constexpr Index kFew = 32;

    void sink(Index at) {
        const Neighbor neighbor = list_[static_cast<std::size_t>(at)];
        for (; at > 0 && neighbor < list_[static_cast<std::size_t>(at - 1)]; --at) {
            list_[static_cast<std::size_t>(at)] = list_[static_cast<std::size_t>(at - 1)];
        }
        list_[static_cast<std::size_t>(at)] = neighbor;
    }

    // Sums whose key equals the worst must pass: a smaller row may have it. Sums a little apart may have equal roots.
    [[nodiscard]] double limit_of(double worst) const {
        constexpr double kTiny = 0x1p-1000; // squares of less underflow
        if (metric_ != Metric::euclidean) return worst;
        return std::max(worst * worst * (1 + 0x1p-50), kTiny);
    }

    Metric metric_;
    Index k_;
    Index count_ = 0;
    double limit_ = 0;
    std::vector<Neighbor> list_;
};

// What one thread works with. Sums of boxes, and first those of rows, are computed in T.
template <class Terms, class T, Index kWidth> class BoxSearch {
  public:
    BoxSearch(const BoxShape& shape, const BoxTree<const T>& tree, Metric metric, Index k)
        : shape_(shape), tree_(tree), nearest_(metric, k) {}

    // Reads a query; says whether it can be searched.
    bool load(const Rows& queries, Index i) {
        few_as_double(queries, i, exact_);
        if (!(canonical_sum<kWidth>([&](Index f) { return exact_[f] * exact_[f]; }) <= kMaxNorm2)) return false;
        constexpr double kLargest = std::numeric_limits<T>::max();
        for (Index f = 0; f < kWidth; ++f) query_[f] = static_cast<T>(std::clamp(exact_[f], -kLargest, kLargest));
        const double sum = canonical_sum<kWidth>([&](Index f) { return Terms::term(exact_[f], double{query_[f]}); });
        moved_ = std::is_same_v<Terms, SquaredDifferences> ? std::sqrt(sum) : sum;
        return true;
    }

    // The leaf that the nearest boxes lead to.
    Index leaf() {
        Index at = 0;
        for (int level = shape_.n_levels - 1; level >= 0; --level) {
            T sums[kFanOut];
            box_sums<Terms, kWidth>(query_, node(level, at), sums);
            at = at * kFanOut + (std::min_element(sums, sums + kFanOut) - sums);
        }
        return at;
    }

    // The neighbours of the query loaded last, near that leaf at best. Returns nothing if it was stopped.
    template <class Stopped> std::span<const Neighbor> search(Index leaf, const Stopped& stopped) {
        constexpr Index kLeavesBetweenQuestions = 64;
        nearest_.clear();
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
        return nearest_.sorted();
    }

    [[nodiscard]] Index n_refined() const { return n_refined_; }
    [[nodiscard]] Index n_visited() const { return n_visited_; }

    std::vector<Neighbor> expanded; // of write_neighbors

  private:
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
        for (auto rest = within<kFanOut>(sums, limit_); rest != 0; rest &= rest - 1) {
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
        for (Index i = 0; i < std::popcount(all) && sums[ranked[i]] <= limit_; ++i)
            insert(leaf, ranked[i], sums[ranked[i]]);
    }

    void insert(Index leaf, Index r, T computed) {
        auto sum = static_cast<double>(computed);
        if constexpr (!std::is_same_v<T, double>) {
            sum = canonical_sum<kWidth>([&](Index f) {
                return Terms::term(exact_[f], double{values(leaf)[f * kLeafRows + r]});
            });
        }
        ++n_refined_;
        if (sum <= nearest_.limit()) {
            nearest_.insert(sum, tree_.rows[leaf * kLeafRows + r]);
            limit_ = limit_of(nearest_.limit());
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

    const BoxShape& shape_;
    BoxTree<const T> tree_;
    NearestList nearest_;
    T limit_ = 0;      // what a sum must not exceed
    double moved_ = 0; // distance of the query from what it is in T
    Index n_refined_ = 0;
    Index n_visited_ = 0;
    alignas(64) double exact_[core::round_up(kWidth, kCanonicalLanes)] = {};
    T query_[kWidth] = {};
    Place waiting_[kFanOut * BoxShape::kMaxLevels];
    Index n_waiting_ = 0;
};

// Numbers from 0 to n in ascending order of keys below n_keys, roughly: in as many steps as there are numbers.
inline std::vector<Index> order_by(const std::vector<Index>& keys, Index n_keys) {
    const Index n = std::ssize(keys);
    const Index keys_per_bucket = core::ceil_div(n_keys, std::max<Index>(n, 1));
    std::vector<Index> starts(static_cast<std::size_t>(core::ceil_div(n_keys, keys_per_bucket) + 1));
    for (const Index key : keys) ++starts[static_cast<std::size_t>(key / keys_per_bucket + 1)];
    for (std::size_t b = 1; b < starts.size(); ++b) starts[b] += starts[b - 1];
    std::vector<Index> order(keys.size());
    for (Index i = 0; i < n; ++i) {
        const Index key = keys[static_cast<std::size_t>(i)];
        order[static_cast<std::size_t>(starts[static_cast<std::size_t>(key / keys_per_bucket)]++)] = i;
    }
    return order;
}

struct BoxReport {
    Index unusable_query = -1; // the first; nothing was searched then
    Index n_refined = 0;       // canonical distances computed
    Index n_visited = 0;       // rows of the leaves visited, once for each query
};

template <class Terms, Index kWidth, class T>
BoxReport search_boxes(
    const SearchInput& input, const BoxTree<const T>& tree, Metric metric, const SearchOutput& output,
    const core::Execution& execution
) {
    constexpr Index kQueriesPerTask = 64;
    using Worker = BoxSearch<Terms, T, kWidth>;
    const Index n_queries = input.queries.n_rows;
    const Index n_tasks = core::ceil_div(n_queries, kQueriesPerTask);
    const BoxShape shape(input.n_positions, input.queries.n_features);
    const Index k = std::min(input.k, input.n_positions);
    std::vector<std::unique_ptr<Worker>> workers(static_cast<std::size_t>(core::team_size(n_tasks, execution)));
    for (auto& worker : workers) {
        worker = std::make_unique<Worker>(shape, tree, metric, k);
        if (input.representatives != nullptr) {
            worker->expanded.reserve(static_cast<std::size_t>(std::min(k * input.k, input.train.n_rows)));
        }
    }
    constexpr Index kUnusable = -1;
    std::vector<Index> leaves(static_cast<std::size_t>(n_queries));
    core::parallel_for(n_tasks, execution, [&](Index task, int thread, core::LoopControl&) {
        Worker& worker = *workers[static_cast<std::size_t>(thread)];
        for (Index q = task * kQueriesPerTask; q < std::min((task + 1) * kQueriesPerTask, n_queries); ++q) {
            leaves[static_cast<std::size_t>(q)] = worker.load(input.queries, q) ? worker.leaf() : kUnusable;
        }
    });
    const auto bad = std::ranges::find(leaves, kUnusable);
    if (bad != leaves.end()) return {.unusable_query = bad - leaves.begin()};
    const std::vector<Index> order = order_by(leaves, shape.n_leaves);
    core::parallel_for(n_tasks, execution, [&](Index task, int thread, core::LoopControl& control) {
        Worker& worker = *workers[static_cast<std::size_t>(thread)];
        for (Index i = task * kQueriesPerTask; i < std::min((task + 1) * kQueriesPerTask, n_queries); ++i) {
            const Index q = order[static_cast<std::size_t>(i)];
            worker.load(input.queries, q);
            const auto nearest =
                worker.search(leaves[static_cast<std::size_t>(q)], [&] { return control.stopped(thread); });
            if (nearest.empty()) return;
            write_neighbors(input, metric, nearest, q, output, worker.expanded);
        }
    });
    BoxReport report;
    for (const auto& worker : workers) {
        report.n_refined += worker->n_refined();
        report.n_visited += worker->n_visited();
    }
    return report;
}

template <class T>
BoxReport search_boxes(
    const SearchInput& input, const BoxTree<const T>& tree, Metric metric, const SearchOutput& output,
    const core::Execution& execution
) {
    return with_width(input.queries.n_features, [&]<Index kWidth> {
        if (metric == Metric::manhattan) {
            return search_boxes<AbsoluteDifferences, kWidth>(input, tree, metric, output, execution);
        }
        return search_boxes<SquaredDifferences, kWidth>(input, tree, metric, output, execution);
    });
}

} // namespace deeprob::knn
