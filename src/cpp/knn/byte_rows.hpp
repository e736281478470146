// Rows in bytes as they lie, for the second look at what a prefix let pass: one row with one query.
#pragma once

#include "knn/integer.hpp"

#include <span>

namespace deeprob::knn {

// Bytes of a row, padded with zeros to whole vectors of every level.
inline Index byte_stride(Index n_features) { return core::round_up(n_features, 64); }

template <class Byte, class Number, class Real> struct ByteRowsOf {
    Byte* bytes;     // (n_rows, byte_stride): of training rows signed, of queries with kByteOffset added
    Number* squares; // sum of X^2; of training rows plus 2 kByteOffset sum of X
    Real* residuals; // norm(x^ - X), rounded up; infinite if the bytes say nothing
};
using ByteRows = ByteRowsOf<const std::int8_t, const std::int32_t, const float>;
using ByteRowsOut = ByteRowsOf<std::int8_t, std::int32_t, float>;

enum class ByteRole : std::uint8_t { training_row, query };

// A query, and a row by its position.
struct Pair {
    Index query;
    Index position;
};

// norm(X - Y) of each pair, rounded; place_of(position) is where a row lies. Several at once, as one alone would wait for its
// own sums.
template <class PlaceOf>
void byte_distances(
    const ByteRows& queries, const ByteRows& rows, const PlaceOf& place_of, Index stride, std::span<const Pair> pairs,
    float* distances
) {
    using Words = core::Vector<std::int32_t>;
    constexpr Index kAtOnce = 4;
    constexpr Index kWidth = core::kLanes<std::int32_t>;
    const Index n_pairs = std::ssize(pairs);
    for (Index first = 0; first < n_pairs; first += kAtOnce) {
        const std::int32_t* x[kAtOnce];
        const std::int32_t* y[kAtOnce];
        std::int32_t squares[kAtOnce];
        for (Index p = 0; p < kAtOnce; ++p) {
            // The last few repeat the last pair.
            const Pair& pair = pairs[static_cast<std::size_t>(std::min(first + p, n_pairs - 1))];
            const Index place = place_of(pair.position);
            x[p] = reinterpret_cast<const std::int32_t*>(queries.bytes + pair.query * stride);
            y[p] = reinterpret_cast<const std::int32_t*>(rows.bytes + place * stride);
            squares[p] = queries.squares[pair.query] + rows.squares[place];
        }
        Words sums[kAtOnce] = {};
        for (Index w = 0; w < stride / 4; w += kWidth) {
#pragma GCC unroll 4
            for (Index p = 0; p < kAtOnce; ++p) {
                sums[p] = core::add_byte_products(sums[p], core::load(x[p] + w), core::load(y[p] + w));
            }
        }
        for (Index p = 0; p < std::min(kAtOnce, n_pairs - first); ++p) {
            distances[first + p] = static_cast<float>(squares[p] - 2 * core::add_lanes(sums[p]));
        }
    }
    for (Index p = 0; p < n_pairs; ++p) distances[p] = std::sqrt(std::max(distances[p], 0.0F));
}

} // namespace deeprob::knn
