// How the matrices of linear classifiers are cut. Every boundary depends on the shapes alone, never on the number of threads,
// so neither do the orders of the sums.
//
// A class has as many columns as there are features, one more with a bias, and zeros up to the stride. Columns are cut into
// slices. Weights lie slice by slice, each (n_classes, width of the slice), as do gradients and what update rules keep: a slice
// belongs to one thread, and no line of memory to two. Examples come in blocks of rows.
#pragma once

#include "core/simd.hpp"

#include <algorithm>
#include <bit>

namespace deeprob::linear {

using core::Index;

// Two vectors of the widest level, in float.
inline constexpr Index kColumnUnit = 32;

constexpr Index column_stride(Index n_columns) { return core::round_up(n_columns, kColumnUnit); }

struct Range {
    Index begin;
    Index end;
    [[nodiscard]] constexpr Index size() const { return end - begin; }
};

// Part `i` of `n` nearly equal parts of [0, size).
constexpr Range part(Index size, Index n, Index i) { return {size * i / n, size * (i + 1) / n}; }

// A power of two, that two, four, ... threads share evenly: two where there is enough for two threads, more only while they stay
// so wide that adding up the lanes of a score's sum costs little.
inline constexpr Index kMinSlice = 208;
inline constexpr Index kWideSlice = 640;
constexpr Index n_slices(Index stride) {
    const Index most = std::max({Index{1}, std::min(Index{2}, stride / kMinSlice), stride / kWideSlice});
    return static_cast<Index>(std::bit_floor(static_cast<std::size_t>(most)));
}
constexpr Range slice(Index stride, Index i) {
    const Range units = part(stride / kColumnUnit, n_slices(stride), i);
    return {units.begin * kColumnUnit, units.end * kColumnUnit};
}

// Where a class's row of a slice begins, in weights of one classifier.
constexpr Index weight_offset(Index n_classes, Range columns, Index c) {
    return n_classes * columns.begin + c * columns.size();
}

// Classes are cut into tiles whose gradient for two vectors of columns fits into registers.
constexpr Index n_class_tiles(Index n_classes) { return core::ceil_div(n_classes, core::kTileQueries); }
constexpr Range class_tile(Index n_classes, Index i) { return part(n_classes, n_class_tiles(n_classes), i); }

// From so many classes on the transposition of the rows pays (see products.hpp).
inline constexpr Index kManyClasses = 64;

} // namespace deeprob::linear
