// Rows into a tree of boxes: halved again and again at the feature in which they spread most. Each half depends on its rows
// alone, so the tree does not depend on the threads.
#pragma once

#include "core/borrowed.hpp"
#include "core/parallel.hpp"
#include "knn/boxes.hpp"
#include "knn/pack.hpp"

#include <limits>
#include <memory>
#include <vector>

namespace deeprob::knn {

template <class T, Index kWidth> struct BoxRecord {
    T values[kWidth];
    std::int32_t row;
};

// Rows are ordered by one feature, equal values by their number.
struct FeatureOrder {
    Index feature;
    template <class Record> bool operator()(const Record& a, const Record& b) const {
        const auto x = a.values[feature];
        const auto y = b.values[feature];
        return static_cast<int>(x < y) | (static_cast<int>(x == y) & static_cast<int>(a.row < b.row));
    }
};

// Moves the records that precede `pivot`, one of them, to the front; returns the place of the pivot behind them. Where it
// was stopped, the order and the place mean nothing.
template <class Record, class Stopped>
Record* partition_at(Record* first, Record* last, Record* pivot, FeatureOrder precedes, const Stopped& stopped) {
    constexpr Index kRecordsBetweenQuestions = Index{1} << 20;
    std::swap(*pivot, *--last);
    const Record limit = *last;
    Record* end = first;
    for (Record* r = first; r != last;) {
        Record* const pause = r + std::min(last - r, kRecordsBetweenQuestions);
        for (; r != pause; ++r) {
            // Without a branch that could be mispredicted.
            const Record record = *r;
            *r = *end;
            *end = record;
            end += precedes(record, limit);
        }
        if (r != last && stopped()) break;
    }
    std::swap(*end, *last);
    return end;
}

// As std::nth_element; the pivots are taken from samples.
template <class Record, class Stopped>
void select_nth(Record* first, Record* nth, Record* last, FeatureOrder precedes, const Stopped& stopped) {
    constexpr Index kFewRecords = 24;
    constexpr Index kManyRecords = Index{1} << 20;
    constexpr Index kMostSamples = 128;
    constexpr int kMostRounds = 24;
    for (int round = 0; last - first > kFewRecords && round < kMostRounds; ++round) {
        const Index n = last - first;
        const Index n_samples = std::min(static_cast<Index>(std::sqrt(static_cast<double>(n)) / 2), kMostSamples);
        Record* samples[kMostSamples];
        for (Index i = 0; i < n_samples; ++i) samples[i] = first + (2 * i + 1) * n / (2 * n_samples);
        Record** const pivot = samples + (nth - first) * n_samples / n;
        std::nth_element(samples, pivot, samples + n_samples, [&](const Record* a, const Record* b) {
            return precedes(*a, *b);
        });
        Record* const place = partition_at(first, last, *pivot, precedes, stopped);
        if (place == nth || (n > kManyRecords && stopped())) return;
        if (nth < place) {
            last = place;
        } else {
            first = place + 1;
        }
    }
    std::nth_element(first, nth, last, precedes);
}

// Leaves [first, first + count) make up nodes of whole levels as far as possible; these are the leaves of the first half.
inline Index first_half(Index count) {
    Index unit = 1;
    while (unit * kFanOut < count) unit *= kFanOut;
    return core::ceil_div(count, unit) / 2 * unit;
}

struct LeafRange {
    Index first;
    Index count;
};

template <class T, Index kWidth> class BoxBuilder {
  public:
    using Record = BoxRecord<T, kWidth>;

    BoxBuilder(core::Borrowed<BoxShape> shape, const BoxTree<T>& tree)
        : shape_(shape), tree_(tree), records_(new Record[static_cast<std::size_t>(shape->n_rows)]) {}

    // Returns the first row that cannot be searched, or -1.
    Index read(const Rows& train, const Positions& positions, const core::Execution& execution) {
        constexpr Index kRowsPerTask = 4096;
        const Index n_tasks = core::ceil_div(shape_.n_rows, kRowsPerTask);
        std::vector<Index> unusable(static_cast<std::size_t>(n_tasks), -1);
        core::parallel_for(n_tasks, execution, [&](Index task, int, core::LoopControl&) {
            const Index end = std::min((task + 1) * kRowsPerTask, shape_.n_rows);
            for (Index i = task * kRowsPerTask; i < end; ++i) {
                const Index row = positions.row(i);
                double values[kPadded] = {};
                few_as_double(train, row, values);
                const double norm2 = canonical_sum<kWidth>([&](Index f) { return values[f] * values[f]; });
                if (!(norm2 <= kMaxNorm2)) {
                    unusable[static_cast<std::size_t>(task)] = row;
                    return;
                }
                Record& record = records_[static_cast<std::size_t>(i)];
                for (Index f = 0; f < kWidth; ++f) record.values[f] = static_cast<T>(values[f]);
                record.row = static_cast<std::int32_t>(row);
            }
        });
        const auto bad = std::ranges::find_if(unusable, [](Index row) { return row >= 0; });
        return bad == unusable.end() ? -1 : *bad;
    }

    void build(const core::Execution& execution) {
        constexpr Index kRangesPerThread = 4;
        constexpr Index kFewLeaves = 256; // not worth a parallel region
        const Index n_ranges = std::min(
            kRangesPerThread * core::team_size(shape_.n_leaves, execution), core::ceil_div(shape_.n_leaves, kFewLeaves)
        );
        std::vector<LeafRange> ranges{{0, shape_.n_leaves}};
        while (std::ssize(ranges) < n_ranges) {
            parallel_over(ranges, execution, [&](const LeafRange& range, const auto& stopped) {
                halve(range, stopped);
            });
            std::vector<LeafRange> halves;
            for (const LeafRange& range : ranges) {
                const Index half = range.count > 1 ? first_half(range.count) : range.count;
                halves.push_back({range.first, half});
                if (half < range.count) halves.push_back({range.first + half, range.count - half});
            }
            ranges = std::move(halves);
        }
        parallel_over(ranges, execution, [&](const LeafRange& range, const auto& stopped) { finish(range, stopped); });
        for (int level = 0; level < shape_.n_levels; ++level) enclose(level);
    }

  private:
    static constexpr Index kPadded = core::round_up(kWidth, kCanonicalLanes);
    static constexpr T kNothing = std::numeric_limits<T>::quiet_NaN();

    template <class Body>
    static void parallel_over(
        const std::vector<LeafRange>& ranges, const core::Execution& execution, const Body& body
    ) {
        core::parallel_for(std::ssize(ranges), execution, [&](Index task, int thread, core::LoopControl& control) {
            body(ranges[static_cast<std::size_t>(task)], core::Stopped{control, thread});
        });
    }

    Record* begin_of(Index leaf) { return records_.get() + std::min(leaf * kLeafRows, shape_.n_rows); }

    template <class Stopped> void halve(const LeafRange& range, const Stopped& stopped) {
        if (range.count == 1) return;
        Record* const first = begin_of(range.first);
        Record* const last = begin_of(range.first + range.count);
        select_nth(
            first, begin_of(range.first + first_half(range.count)), last, {widest_feature(first, last)}, stopped
        );
    }

    // Of a sample: any choice is correct.
    static Index widest_feature(const Record* first, const Record* last) {
        constexpr Index kSample = 128;
        const Index step = core::ceil_div(last - first, kSample);
        Record low = *first;
        Record high = *first;
        for (Index i = 0; i < last - first; i += step) {
            const Record& record = first[i];
            for (Index f = 0; f < kWidth; ++f) {
                low.values[f] = record.values[f] < low.values[f] ? record.values[f] : low.values[f];
                high.values[f] = record.values[f] > high.values[f] ? record.values[f] : high.values[f];
            }
        }
        Index widest = 0;
        for (Index f = 1; f < kWidth; ++f) {
            if (high.values[f] - low.values[f] > high.values[widest] - low.values[widest]) widest = f;
        }
        return widest;
    }

    // Halves the range down to leaves.
    template <class Stopped> void finish(const LeafRange& range, const Stopped& stopped) {
        constexpr std::size_t kMostWaiting = 32; // halves of halves, of at most 2^26 leaves
        std::array<LeafRange, kMostWaiting> waiting{range};
        for (std::size_t n_waiting = 1; n_waiting > 0 && !stopped();) {
            const LeafRange next = waiting[--n_waiting];
            if (next.count == 1) {
                write_leaf(next.first);
                continue;
            }
            halve(next, stopped);
            const Index half = first_half(next.count);
            waiting[n_waiting++] = {next.first + half, next.count - half};
            waiting[n_waiting++] = {next.first, half};
        }
    }

    void write_leaf(Index leaf) {
        const Record* const records = begin_of(leaf);
        const Index n = begin_of(leaf + 1) - records;
        T* const values = tree_.values + leaf * shape_.leaf_size();
        for (Index f = 0; f < kWidth; ++f) {
            T low = records[0].values[f];
            T high = low;
            for (Index r = 0; r < n; ++r) {
                const T value = records[r].values[f];
                values[f * kLeafRows + r] = value;
                low = std::min(low, value);
                high = std::max(high, value);
            }
            std::fill(values + f * kLeafRows + n, values + (f + 1) * kLeafRows, kNothing);
            write_box(0, leaf, f, low, high);
        }
        std::int32_t* const rows = tree_.rows + leaf * kLeafRows;
        for (Index r = 0; r < n; ++r) rows[r] = records[r].row;
        std::fill(rows + n, rows + kLeafRows, 0);
    }

    // Where the smallest value of a child is; the largest is kFanOut behind it.
    [[nodiscard]] T* box(int level, Index child, Index feature) const {
        return tree_.boxes + shape_.node(level, child / kFanOut) * shape_.node_size() + 2 * feature * kFanOut
               + child % kFanOut;
    }

    void write_box(int level, Index child, Index feature, T low, T high) {
        T* const at = box(level, child, feature);
        at[0] = low;
        at[kFanOut] = high;
    }

    // Writes the boxes that the nodes of a level hold; those of leaves are there.
    void enclose(int level) {
        const Index n_children = shape_.n_children(level);
        for (Index child = level == 0 ? n_children : 0; child < core::round_up(n_children, kFanOut); ++child) {
            for (Index f = 0; f < kWidth; ++f) {
                if (child >= n_children) {
                    write_box(level, child, f, kNothing, kNothing);
                    continue;
                }
                const T* const low = box(level - 1, child * kFanOut, f);
                const T* const high = low + kFanOut;
                const Index n = std::min(kFanOut, shape_.n_children(level - 1) - child * kFanOut);
                write_box(level, child, f, *std::min_element(low, low + n), *std::max_element(high, high + n));
            }
        }
    }

    const BoxShape& shape_;
    BoxTree<T> tree_;
    std::unique_ptr<Record[]> records_; // not initialised: the threads that read the rows touch it first
};

// Fills the tree with the rows at the positions; returns the first row that cannot be searched, or -1.
template <class T>
Index build_boxes(
    const Rows& train, const Positions& positions, const BoxTree<T>& tree, const core::Execution& execution
) {
    const BoxShape shape(positions.size(), train.n_features);
    return with_width(train.n_features, [&]<Index kWidth> {
        BoxBuilder<T, kWidth> builder(shape, tree);
        const Index unusable = builder.read(train, positions, execution);
        if (unusable < 0) builder.build(execution);
        return unusable;
    });
}

} // namespace deeprob::knn
