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
        const double sum = canonical_sum<kWidth>([&](Index f) { return Terms::term(exact_[f], double{query_[f]}); });
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
        constexpr Index kLeavesBetweenQuestions = 64;
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

    [[nodiscard]] Index n_refined() const override { return n_refined_; }
    [[nodiscard]] Index n_visited() const override { return n_visited_; }

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
            const Index row = tree_.rows[leaf * kLeafRows + r];
            if (row < 0 || row >= n_rows_) throw_damaged();
            nearest_.insert({key_of_sum(metric_, sum), row});
            if (!nearest_.is_full()) return;
            // Sums whose key equals the last one's must pass: a smaller row may have it.
            const double key = nearest_.last().key;
            sum_limit_ = metric_ == Metric::euclidean ? largest_square_of(key) : key;
            limit_ = limit_of(sum_limit_);
        }
    }

    // The canonical sum of a row, given the one in T.
    [[nodiscard]] double canonical(Index leaf, Index r, T computed) const {
        if constexpr (std::is_same_v<T, double>) {
            return computed;
        } else {
            const T* const row = values(leaf) + r;
            return canonical_sum<kWidth>([&](Index f) {
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

// All queries, each by itself, in blocks that are tasks.
class BoxSearches {
  public:
    BoxSearches(core::Borrowed<SearchInput> input, Metric metric, const core::Execution& execution)
        : input_(input), metric_(metric), execution_(execution),
          shape_(input->positions.size(), input->queries.n_features),
          workers_(static_cast<std::size_t>(core::team_size(n_tasks(), execution))), expanded_(workers_.size()),
          leaves_(static_cast<std::size_t>(input->queries.n_rows)) {}

    template <class Terms, Index kWidth, class T> void make_workers(const BoxTree<const T>& tree) {
        const Index k = std::min(input_.k, input_.positions.size());
        for (auto& worker : workers_) {
            worker = std::make_unique<BoxSearch<Terms, T, kWidth>>(shape_, tree, metric_, k, input_.train.n_rows);
        }
    }

    BoxReport run(const SearchOutput& output) {
        const Index unusable = place();
        if (unusable >= 0) return {.unusable_query = unusable};
        search(output);
        BoxReport report;
        for (const auto& worker : workers_) {
            report.n_refined += worker->n_refined();
            report.n_visited += worker->n_visited();
        }
        return report;
    }

  private:
    static constexpr Index kQueriesPerTask = 64;

    [[nodiscard]] Index n_tasks() const { return core::ceil_div(input_.queries.n_rows, kQueriesPerTask); }

    // Finds the leaf of each query; returns the first query that cannot be searched, or -1.
    Index place() {
        constexpr Index kUnusable = -1;
        for_blocks([&](int thread, Index begin, Index end, const auto&) {
            BoxWorker& worker = *workers_[static_cast<std::size_t>(thread)];
            for (Index q = begin; q < end; ++q) {
                leaves_[static_cast<std::size_t>(q)] = worker.load(input_.queries, q) ? worker.leaf() : kUnusable;
            }
        });
        const auto bad = std::ranges::find(leaves_, kUnusable);
        return bad == leaves_.end() ? -1 : bad - leaves_.begin();
    }

    void search(const SearchOutput& output) {
        const Index k = std::min(input_.k, input_.positions.size());
        const Index n_expanded = input_.has_duplicates() ? std::min(k * input_.k, input_.train.n_rows) : 0;
        for (auto& expanded : expanded_) expanded.reserve(static_cast<std::size_t>(n_expanded));
        const std::vector<Index> order = order_by(leaves_, shape_.n_leaves);
        for_blocks([&](int thread, Index begin, Index end, const core::Stopped& stopped) {
            BoxWorker& worker = *workers_[static_cast<std::size_t>(thread)];
            for (Index i = begin; i < end; ++i) {
                const Index q = order[static_cast<std::size_t>(i)];
                worker.load(input_.queries, q);
                const auto nearest = worker.search(leaves_[static_cast<std::size_t>(q)], stopped);
                if (nearest.empty()) return;
                write_neighbors(input_, metric_, nearest, q, output, expanded_[static_cast<std::size_t>(thread)]);
            }
        });
    }

    template <class Body> void for_blocks(const Body& body) {
        core::parallel_for(n_tasks(), execution_, [&](Index task, int thread, core::LoopControl& control) {
            const Index begin = task * kQueriesPerTask;
            const Index end = std::min(begin + kQueriesPerTask, input_.queries.n_rows);
            body(thread, begin, end, core::Stopped{control, thread});
        });
    }

    const SearchInput& input_;
    Metric metric_;
    core::Execution execution_;
    BoxShape shape_;
    std::vector<std::unique_ptr<BoxWorker>> workers_;
    std::vector<std::vector<Neighbor>> expanded_; // scratch of write_neighbors, one a thread
    std::vector<Index> leaves_;
};

template <class T>
BoxReport search_boxes(
    const SearchInput& input, const BoxTree<const T>& tree, Metric metric, const SearchOutput& output,
    const core::Execution& execution
) {
    BoxSearches searches(input, metric, execution);
    with_width(input.queries.n_features, [&]<Index kWidth> {
        if (metric == Metric::manhattan) {
            searches.make_workers<AbsoluteDifferences, kWidth>(tree);
        } else {
            searches.make_workers<SquaredDifferences, kWidth>(tree);
        }
    });
    return searches.run(output);
}

} // namespace deeprob::knn
