// The two products of a linear classifier on one block of rows and one slice of columns: scores = X W', gradient = P' X.
//
// Both run along the columns, so that few classes fill the vectors as well as many. With many classes it pays to transpose the
// rows for the scores: then these come from the gradient's kernel, which needs not add up lanes.
#pragma once

#include "core/transpose.hpp"
#include "linear/layout.hpp"

namespace deeprob::linear {

using core::kLanes;
using core::Vector;

// A tile of scores has as many sums as lanes: adding up the lanes of all of them gives one vector.
template <class T> inline constexpr Index kScoreRows = kLanes<T> >= 8 ? 4 : 2;
template <class T> inline constexpr Index kScoreClasses = kLanes<T> / kScoreRows<T>;

// One level of the tree that adds lanes: of each pair of neighbouring groups of `kGroup` lanes, of a and of b, the sum.
template <class T, Index kGroup> inline Vector<T> add_groups(Vector<T> a, Vector<T> b) {
    constexpr auto kPick = []<std::size_t... kLane>(std::index_sequence<kLane...>, Index odd) {
        // Lane l of the result: groups alternate between a and b.
        return std::array<int, sizeof...(kLane)>{static_cast<int>(
            (static_cast<Index>(kLane) / kGroup % 2) * kLanes<T>
            + static_cast<Index>(kLane) / (2 * kGroup) * 2 * kGroup + odd * kGroup + static_cast<Index>(kLane) % kGroup
        )...};
    };
    constexpr auto kLanesOf = std::make_index_sequence<static_cast<std::size_t>(kLanes<T>)>{};
    constexpr auto kEven = kPick(kLanesOf, 0);
    constexpr auto kOdd = kPick(kLanesOf, 1);
    return [&]<std::size_t... kLane>(std::index_sequence<kLane...>) {
        return __builtin_shufflevector(a, b, kEven[kLane]...) + __builtin_shufflevector(a, b, kOdd[kLane]...);
    }(kLanesOf);
}

// Lane i of the result is the sum of the lanes of sums[i].
template <class T, Index kCount> [[gnu::always_inline]] inline Vector<T> add_lanes_of_all(Vector<T> (&sums)[kCount]) {
    if constexpr (kCount == 1) {
        return sums[0];
    } else {
        Vector<T> half[kCount / 2];
#pragma GCC unroll 16
        for (Index i = 0; i < kCount / 2; ++i) half[i] = add_groups<T, kCount / 2>(sums[i], sums[i + kCount / 2]);
        return add_lanes_of_all<T, kCount / 2>(half);
    }
}

// Scores of kScoreRows rows for up to kScoreClasses classes: out[c * out_stride + r].
template <class T, Index kClasses>
[[gnu::always_inline]] inline void score_tile(
    const T* x, const T* w, Index w_stride, Index width, T* out, Index out_stride
) {
    Vector<T> sums[kLanes<T>] = {};
    for (Index d = 0; d < width; d += kLanes<T>) {
        Vector<T> rows[kScoreRows<T>];
#pragma GCC unroll 4
        for (Index r = 0; r < kScoreRows<T>; ++r) {
            rows[r] = core::load(x + r * width + d);
        }
#pragma GCC unroll 4
        for (Index c = 0; c < kClasses; ++c) {
            const Vector<T> weights = core::load(w + c * w_stride + d);
#pragma GCC unroll 4
            for (Index r = 0; r < kScoreRows<T>; ++r) {
                sums[c * kScoreRows<T> + r] = core::multiply_add(rows[r], weights, sums[c * kScoreRows<T> + r]);
            }
        }
    }
    const Vector<T> scores = add_lanes_of_all<T, kLanes<T>>(sums);
    constexpr auto kBytes = static_cast<std::size_t>(kScoreRows<T>) * sizeof(T);
    for (Index c = 0; c < kClasses; ++c) {
        std::memcpy(
            out + c * out_stride, reinterpret_cast<const char*>(&scores) + static_cast<std::size_t>(c) * kBytes, kBytes
        );
    }
}

// The same for any number of classes of one tile.
template <class T>
void score_classes(const T* x, const T* w, Index w_stride, Index width, Index n_classes, T* out, Index out_stride) {
    [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
        ((n_classes == static_cast<Index>(kIndex) + 1
              ? score_tile<T, static_cast<Index>(kIndex) + 1>(x, w, w_stride, width, out, out_stride)
              : void()),
         ...);
    }(std::make_index_sequence<static_cast<std::size_t>(kScoreClasses<T>)>{});
}

// Scores of a block from one slice: x is (n_rows, width), w points at the slice's first column of class 0, scores is (n_classes,
// score_stride). n_rows is a multiple of kScoreRows.
template <class T>
void slice_scores(
    const T* x, Index n_rows, Index width, const T* w, Index w_stride, Index n_classes, T* scores, Index score_stride
) {
    for (Index r = 0; r < n_rows; r += kScoreRows<T>) {
        for (Index c = 0; c < n_classes; c += kScoreClasses<T>) {
            score_classes(
                x + r * width, w + c * w_stride, w_stride, width, std::min(kScoreClasses<T>, n_classes - c),
                scores + c * score_stride + r, score_stride
            );
        }
    }
}

// What comes from memory next, fetched while a block is computed with: for each of its rows another one.
struct Ahead {
    const char* const* rows = nullptr; // null: nothing
    Index bytes_per_column = 0;
    Index first_column = 0;

    [[nodiscard]] Ahead from(Index column) const { return {rows, bytes_per_column, column}; }
    [[nodiscard]] const char* place(Index row, Index column) const {
        return rows[row] + (first_column + column) * bytes_per_column;
    }
};

template <class T> [[gnu::always_inline]] inline void store_sum(T* place, Vector<T> sum, bool first) {
    core::store(place, first ? sum : sum + core::load(place));
}

// A tile of a product P' X: out[c * out_stride + d] = sum over i of p[i * p_stride + c] * x[i * x_stride + d] for kClasses classes
// and `width` columns, a multiple of two vectors; added to what is there unless `first`.
template <class T, Index kClasses, bool kFetches>
void product_tile(
    const T* x, Index x_stride, Index n, Index width, const T* p, Index p_stride, T* out, Index out_stride, bool first,
    Ahead ahead
) {
    constexpr Index kVectors = core::kTileVectors;
    for (Index d = 0; d < width; d += kVectors * kLanes<T>) {
        Vector<T> sums[kClasses][kVectors] = {};
        const T* row = x + d;
        const T* coefficients = p;
        for (Index i = 0; i < n; ++i, row += x_stride, coefficients += p_stride) {
            Vector<T> features[kVectors];
#pragma GCC unroll 2
            for (Index v = 0; v < kVectors; ++v) {
                features[v] = core::load(row + v * kLanes<T>);
                if constexpr (kFetches) core::prefetch(ahead.place(i, d + v * kLanes<T>));
            }
#pragma GCC unroll 16
            for (Index c = 0; c < kClasses; ++c) {
                const Vector<T> coefficient = core::broadcast(coefficients[c]);
#pragma GCC unroll 2
                for (Index v = 0; v < kVectors; ++v) {
                    sums[c][v] = core::multiply_add(features[v], coefficient, sums[c][v]);
                }
            }
        }
#pragma GCC unroll 16
        for (Index c = 0; c < kClasses; ++c) {
#pragma GCC unroll 2
            for (Index v = 0; v < kVectors; ++v) {
                store_sum<T>(out + c * out_stride + d + v * kLanes<T>, sums[c][v], first);
            }
        }
    }
}

// The same for any tile of classes.
template <class T>
void class_product(
    const T* x, Index x_stride, Index n, Index width, const T* p, Index p_stride, Index n_classes, T* out,
    Index out_stride, bool first, Ahead ahead = {}
) {
    const auto compute = [&]<bool kFetches, std::size_t... kIndex>(std::index_sequence<kIndex...>) {
        ((n_classes == static_cast<Index>(kIndex) + 1
              ? product_tile<T, static_cast<Index>(kIndex) + 1, kFetches>(
                    x, x_stride, n, width, p, p_stride, out, out_stride, first, ahead
                )
              : void()),
         ...);
    };
    constexpr auto kAll = std::make_index_sequence<static_cast<std::size_t>(core::kTileQueries)>{};
    if (ahead.rows == nullptr) {
        compute.template operator()<false>(kAll);
    } else {
        compute.template operator()<true>(kAll);
    }
}

// Scores of a block from one slice, as above, from its transposed columns (width, row_stride); `packed` has room for the weights
// of a tile of classes. n_rows is a multiple of two vectors.
template <class T>
void transposed_scores(
    const T* columns, Index row_stride, Index n_rows, Index width, const T* w, Index w_stride, Index n_classes,
    T* scores, Index score_stride, T* packed
) {
    for (Index t = 0; t < n_class_tiles(n_classes); ++t) {
        const Range classes = class_tile(n_classes, t);
        const Index packed_stride = core::round_up(classes.size(), kLanes<T>);
        core::transpose(w + classes.begin * w_stride, w_stride, classes.size(), width, packed, packed_stride);
        class_product(
            columns, row_stride, width, n_rows, packed, packed_stride, classes.size(),
            scores + classes.begin * score_stride, score_stride, true
        );
    }
}

} // namespace deeprob::linear
