// Rows in bytes as they lie, for the second look at what a prefix let pass: one row with one query.
#pragma once

#include "core/transpose.hpp"
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

// The rows of a panel, by their lanes, that a query wants to be compared with.
struct Wanted {
    Index query;
    std::uint32_t lanes;
};

// norm(X - Y)^2 of a query and the wanted rows of the panel that starts at position `first`, exactly: consume(position, square).
// place_of(position) is where the bytes of a row lie, whose square stands at its position. Several rows at once share the query,
// and one alone would wait for its own sums.
template <class PlaceOf, class Consume>
void byte_squares(
    const ByteRows& queries, const ByteRows& rows, const PlaceOf& place_of, Index stride, const Wanted& wanted,
    Index first, const Consume& consume
) {
    using Words = core::Vector<std::int32_t>;
    constexpr Index kAtOnce = 4;
    constexpr Index kWidth = core::kLanes<std::int32_t>;
    const auto* x = reinterpret_cast<const std::int32_t*>(queries.bytes + wanted.query * stride);
    for (std::uint32_t lanes = wanted.lanes; lanes != 0;) {
        Index positions[kAtOnce];
        const std::int32_t* y[kAtOnce];
        Index n = 0;
        for (Index r = 0; r < kAtOnce; ++r) {
            // The last few repeat the last row.
            if (lanes != 0) positions[n++] = first + std::countr_zero(lanes);
            lanes &= lanes - 1;
            positions[r] = positions[n - 1];
            y[r] = reinterpret_cast<const std::int32_t*>(rows.bytes + place_of(positions[r]) * stride);
        }
        Words sums[kAtOnce] = {};
        for (Index w = 0; w < stride / 4; w += kWidth) {
            const Words query = core::load(x + w);
#pragma GCC unroll 4
            for (Index r = 0; r < kAtOnce; ++r) sums[r] = core::add_byte_products(sums[r], query, core::load(y[r] + w));
        }
        const auto products = core::add_lanes_of_each(sums[0], sums[1], sums[2], sums[3]);
        for (Index r = 0; r < n; ++r) {
            consume(positions[r], queries.squares[wanted.query] + rows.squares[positions[r]] - 2 * products[r]);
        }
    }
}

} // namespace deeprob::knn
