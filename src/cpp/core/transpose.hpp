// Matrix transposition through vector registers, and sums of lanes by the same moves.
#pragma once

#include "core/simd.hpp"

#include <utility>

namespace deeprob::core {

// Exchanges the blocks off the diagonal of 2 x 2 blocks of kSize lanes: of a the second ones, of b the first.
template <class T, Index kSize> [[gnu::always_inline]] inline void exchange(Vector<T>& a, Vector<T>& b) {
    constexpr auto kPick = []<std::size_t... kLane>(std::index_sequence<kLane...>, bool second) {
        const auto lane = [second](Index i) {
            const bool from_b = i / kSize % 2 == 1;
            const Index shift = second == from_b ? 0 : kSize;
            return static_cast<int>(from_b ? kLanes<T> + i - shift : i + shift);
        };
        return std::array<int, sizeof...(kLane)>{lane(static_cast<Index>(kLane))...};
    };
    constexpr auto kAll = std::make_index_sequence<static_cast<std::size_t>(kLanes<T>)>{};
    constexpr auto kFirst = kPick(kAll, false);
    constexpr auto kSecond = kPick(kAll, true);
    [&]<std::size_t... kLane>(std::index_sequence<kLane...>) {
        const Vector<T> first = __builtin_shufflevector(a, b, kFirst[kLane]...);
        b = __builtin_shufflevector(a, b, kSecond[kLane]...);
        a = first;
    }(kAll);
}

// A square of as many rows as lanes.
template <class T, Index kSize = kLanes<T> / 2>
[[gnu::always_inline]] inline void transpose_square(Vector<T> (&rows)[kLanes<T>]) {
#pragma GCC unroll 16
    for (Index i = 0; i < kLanes<T>; ++i) {
        if ((i & kSize) == 0) exchange<T, kSize>(rows[i], rows[i + kSize]);
    }
    if constexpr (kSize > 1) transpose_square<T, kSize / 2>(rows);
}

// out[c * out_stride + r] = in[r * in_stride + c] for n_rows rows and n_columns columns, n_columns a multiple of the lanes, and
// out_stride at least n_rows rounded up to one: whole vectors are written.
template <class T>
void transpose(const T* in, Index in_stride, Index n_rows, Index n_columns, T* out, Index out_stride) {
    for (Index r = 0; r < n_rows; r += kLanes<T>) {
        const Index last = std::min(kLanes<T>, n_rows - r) - 1;
        for (Index c = 0; c < n_columns; c += kLanes<T>) {
            Vector<T> square[kLanes<T>];
#pragma GCC unroll 16
            for (Index i = 0; i < kLanes<T>; ++i) square[i] = load(in + (r + std::min(i, last)) * in_stride + c);
            transpose_square<T>(square);
#pragma GCC unroll 16
            for (Index i = 0; i < kLanes<T>; ++i) store(out + (c + i) * out_stride + r, square[i]);
        }
    }
}

// The sums of the lanes of four vectors.
inline auto add_lanes_of_each(
    Vector<std::int32_t> a, Vector<std::int32_t> b, Vector<std::int32_t> c, Vector<std::int32_t> d
) {
    using Four = VectorTraits<std::int32_t, 16>::type;
    const auto quarters = [](Vector<std::int32_t> v) {
        Four parts[kVectorBytes / 16];
        std::memcpy(parts, &v, sizeof v);
        for (Index n = kVectorBytes / 32; n > 0; n /= 2) {
            for (Index i = 0; i < n; ++i) parts[i] += parts[i + n];
        }
        return parts[0];
    };
    const auto pairs = [](Four u, Four v) {
        return __builtin_shufflevector(u, v, 0, 4, 1, 5) + __builtin_shufflevector(u, v, 2, 6, 3, 7);
    };
    const Four ab = pairs(quarters(a), quarters(b));
    const Four cd = pairs(quarters(c), quarters(d));
    return __builtin_shufflevector(ab, cd, 0, 1, 4, 5) + __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
}

} // namespace deeprob::core
