// Rows in bytes as they lie, for the second look at what a prefix let pass: one row with one query.
#pragma once

#include "core/parallel.hpp"
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

// Rounds rows as the integer filter does. `row_of(i)` is the row that place i stands for.
template <class RowOf>
void pack_byte_rows(
    const Rows& rows, Index n_rows, const RowOf& row_of, const Surrogate& surrogate, ByteRole role,
    const ByteRowsOut& out, const core::Execution& execution
) {
    constexpr Index kAtOnce = 64;
    const Index stride = byte_stride(surrogate.n_features);
    const Index n_tasks = core::ceil_div(n_rows, kAtOnce);
    const auto width = static_cast<std::size_t>(surrogate.padded_features());
    std::vector<double> values(static_cast<std::size_t>(core::team_size(n_tasks, execution)) * width);
    core::parallel_for(n_tasks, execution, [&](Index task, int thread, core::LoopControl&) {
        double* row = values.data() + static_cast<std::size_t>(thread) * width;
        for (Index i = task * kAtOnce; i < std::min((task + 1) * kAtOnce, n_rows); ++i) {
            row_as_double(rows, row_of(i), row);
            std::fill(row + surrogate.n_features, row + width, 0.0);
            std::int8_t* bytes = out.bytes + i * stride;
            std::fill_n(bytes, stride, std::int8_t{0});
            const IntegerMeasure measure = round_to_bytes(surrogate, center_row(surrogate, row), row, bytes);
            double square = measure.square;
            if (role == ByteRole::query) {
                for (Index f = 0; f < stride; ++f) bytes[f] = static_cast<std::int8_t>(bytes[f] + kByteOffset);
            } else {
                square += 2 * static_cast<double>(kByteOffset) * measure.sum;
            }
            out.squares[i] = static_cast<std::int32_t>(square);
            out.residuals[i] = rounded_up(measure.residual);
        }
    });
}

// A query and a row by their numbers.
struct Pair {
    Index query;
    Index row;
};

// norm(X - Y) of each pair, rounded. Several at once, as one alone would wait for its own sums.
inline void byte_distances(
    const ByteRows& queries, const ByteRows& rows, Index stride, std::span<const Pair> pairs, float* distances
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
            x[p] = reinterpret_cast<const std::int32_t*>(queries.bytes + pair.query * stride);
            y[p] = reinterpret_cast<const std::int32_t*>(rows.bytes + pair.row * stride);
            squares[p] = queries.squares[pair.query] + rows.squares[pair.row];
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
    for (Index p = 0; p < n_pairs; ++p) distances[p] = std::sqrt(distances[p]);
}

} // namespace deeprob::knn
