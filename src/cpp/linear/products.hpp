// The two products of a linear classifier on one block of rows and one slice of columns: scores = X W', gradient = P' X. Both
// run along the columns, so that few classes fill the vectors as well as many.
#pragma once

#include "linear/layout.hpp"

namespace deeprob::linear {

using core::kLanes;
using core::Vector;

// With two classes, as many sums as lanes: adding up the lanes of all of them gives one vector.
template <class T> inline constexpr Index kScoreRows = kLanes<T> / 2;

// One level of the tree that adds lanes: of each pair of neighbouring groups of `kGroup` lanes, of a and of b, the sum.
template <class T, Index kGroup> inline Vector<T> add_groups(Vector<T> a, Vector<T> b) {
    constexpr auto kPick = []<std::size_t... l>(std::index_sequence<l...>, Index odd) {
        // Lane l of the result: groups alternate between a and b.
        return std::array<int, sizeof...(l)>{static_cast<int>(
            (static_cast<Index>(l) / kGroup % 2) * kLanes<T>
            + static_cast<Index>(l) / (2 * kGroup) * 2 * kGroup + odd * kGroup + static_cast<Index>(l) % kGroup
        )...};
    };
    constexpr auto kLanesOf = std::make_index_sequence<static_cast<std::size_t>(kLanes<T>)>{};
    constexpr auto kEven = kPick(kLanesOf, 0);
    constexpr auto kOdd = kPick(kLanesOf, 1);
    return [&]<std::size_t... l>(std::index_sequence<l...>) {
        return __builtin_shufflevector(a, b, kEven[l]...) + __builtin_shufflevector(a, b, kOdd[l]...);
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

// What comes next from memory, fetched while this block is computed with.
struct Ahead {
    const char* const* rows; // one for each row of the block
    Index bytes_per_column;
};

// Scores of kScoreRows rows for one or two classes: out[c * out_stride + r].
template <class T, Index kClasses>
[[gnu::always_inline]] inline void score_tile(
    const T* x, const T* w, Index w_stride, Index width, T* out, Index out_stride
) {
    Vector<T> sums[kLanes<T>] = {};
    for (Index d = 0; d < width; d += kLanes<T>) {
        Vector<T> weights[kClasses];
#pragma GCC unroll 2
        for (Index c = 0; c < kClasses; ++c) weights[c] = core::load(w + c * w_stride + d);
#pragma GCC unroll 8
        for (Index r = 0; r < kScoreRows<T>; ++r) {
            const Vector<T> row = core::load(x + r * width + d);
#pragma GCC unroll 2
            for (Index c = 0; c < kClasses; ++c) {
                sums[c * kScoreRows<T> + r] = core::multiply_add(row, weights[c], sums[c * kScoreRows<T> + r]);
            }
        }
    }
    const Vector<T> scores = add_lanes_of_all<T, kLanes<T>>(sums);
    for (Index c = 0; c < kClasses; ++c) {
        std::memcpy(
            out + c * out_stride, reinterpret_cast<const char*>(&scores) + c * sizeof scores / 2, sizeof scores / 2
        );
    }
}

// Scores of a block from one slice: x is (n_rows, width), w points at the slice's first column of class 0, scores is (n_classes,
// score_stride). n_rows is a multiple of kScoreRows.
template <class T>
void slice_scores(
    const T* x, Index n_rows, Index width, const T* w, Index w_stride, Index n_classes, T* scores, Index score_stride
) {
    for (Index r = 0; r < n_rows; r += kScoreRows<T>) {
        const T* rows = x + r * width;
        Index c = 0;
        for (; c + 2 <= n_classes; c += 2) {
            score_tile<T, 2>(rows, w + c * w_stride, w_stride, width, scores + c * score_stride + r, score_stride);
        }
        if (c < n_classes)
            score_tile<T, 1>(rows, w + c * w_stride, w_stride, width, scores + c * score_stride + r, score_stride);
    }
}

// Gradient of kClasses classes for a slice: out[c * out_stride + d] = sum over r of p[r * kClasses + c] * x[r * width + d], added
// to what is there unless `first`.
template <class T, Index kClasses>
void gradient_tile(const T* x, Index n_rows, Index width, const T* p, T* out, Index out_stride, bool first) {
    constexpr Index kVectors = core::kTileVectors;
    for (Index d = 0; d < width; d += kVectors * kLanes<T>) {
        Vector<T> sums[kClasses][kVectors] = {};
        const T* row = x + d;
        const T* coefficients = p;
        for (Index r = 0; r < n_rows; ++r, row += width, coefficients += kClasses) {
            Vector<T> features[kVectors];
#pragma GCC unroll 2
            for (Index v = 0; v < kVectors; ++v) features[v] = core::load(row + v * kLanes<T>);
#pragma GCC unroll 16
            for (Index c = 0; c < kClasses; ++c) {
                const Vector<T> coefficient = core::broadcast(coefficients[c]);
#pragma GCC unroll 2
                for (Index v = 0; v < kVectors; ++v)
                    sums[c][v] = core::multiply_add(features[v], coefficient, sums[c][v]);
            }
        }
#pragma GCC unroll 16
        for (Index c = 0; c < kClasses; ++c) {
#pragma GCC unroll 2
            for (Index v = 0; v < kVectors; ++v) {
                T* place = out + c * out_stride + d + v * kLanes<T>;
                core::store(place, first ? sums[c][v] : sums[c][v] + core::load(place));
            }
        }
    }
}

// The same for any tile of classes.
template <class T>
void slice_gradient(
    const T* x, Index n_rows, Index width, const T* p, Index n_classes, T* out, Index out_stride, bool first
) {
    [&]<std::size_t... i>(std::index_sequence<i...>) {
        ((n_classes == static_cast<Index>(i) + 1
              ? gradient_tile<T, static_cast<Index>(i) + 1>(x, n_rows, width, p, out, out_stride, first)
              : void()),
         ...);
    }(std::make_index_sequence<static_cast<std::size_t>(core::kTileQueries)>{});
}

} // namespace deeprob::linear
