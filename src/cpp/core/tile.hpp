// The micro-kernel: kTileQueries queries against one panel of kPanelRows training rows, accumulated in registers and handed
// to a consumer there. A matrix of scores never exists.
//
// Layouts: a panel holds kPanelRows rows feature by feature, (n_features, kPanelRows); queries come in tiles, each
// (n_features, kTileQueries). Long rows are swept in blocks of features, the depth blocks.
#pragma once

#include "core/simd.hpp"

namespace deeprob::core {

template <class T> inline constexpr Index kPanelRows = kTileVectors * kLanes<T>;

// A slice of a panel of this depth (32 KiB) stays in the first-level cache while the tiles of the query block pass by.
inline constexpr Index kMaxDepth = 256;

inline Index n_depth_blocks(Index n_features) { return std::max<Index>(1, ceil_div(n_features, kMaxDepth)); }
inline Index depth_of_blocks(Index n_features) { return ceil_div(n_features, n_depth_blocks(n_features)); }

// Longest chain of additions behind one score; the error bounds of a sum depend on it (docs/exactness.md).
inline Index chain_length(Index n_features) { return depth_of_blocks(n_features) + n_depth_blocks(n_features) + 2; }

// Score steps: larger is nearer.
// How a step takes in the products of a query's element a and a row's b, and how the results of two depth blocks become one.
struct Added {
    template <class V> static V join(V a, V b) { return a + b; }
};
struct Product : Added {
    template <class V> static V step(V sum, V a, V b) { return multiply_add(a, b, sum); }
};
struct NegativeAbsoluteDifference : Added {
    template <class V> static V step(V sum, V a, V b) { return sum - absolute(a - b); }
};
struct NegativeLargestDifference {
    template <class V> static V join(V a, V b) { return a < b ? a : b; }
    template <class V> static V step(V smallest, V a, V b) { return join(smallest, -absolute(a - b)); }
};

// On words of four bytes, the rows' unsigned and the queries' signed.
struct ByteProduct : Added {
    static Vector<std::int32_t> step(Vector<std::int32_t> sum, Vector<std::int32_t> query, Vector<std::int32_t> row) {
        return add_byte_products(sum, row, query);
    }
};
// On words of four bytes, unsigned both. As |a - b| = a + b - 2 min(a, b), less the sums of both it is minus their distance.
struct TwiceByteMinimum : Added {
    static Vector<std::int32_t> step(Vector<std::int32_t> sum, Vector<std::int32_t> query, Vector<std::int32_t> row) {
        return add_byte_minima(sum, row, query);
    }
};

template <class T> struct Accumulators {
    Vector<T> at[kTileQueries][kTileVectors];
};

// One depth block of one tile. The first block starts from the rows' bias; later ones are summed by themselves and then
// added to the partial scores, which keeps chains short. The sums are locals until the end: through a reference GCC 12 would
// write them to memory in every step.
template <class Step, class T, bool kFirst>
[[gnu::always_inline]] inline Accumulators<T> tile(
    const T* queries, const T* rows, Index depth, const T* start, const char* ahead
) {
    constexpr Index kWidth = kLanes<T>;
    Vector<T> sums[kTileQueries][kTileVectors];
#pragma GCC unroll 16
    for (Index q = 0; q < kTileQueries; ++q) {
#pragma GCC unroll 4
        for (Index v = 0; v < kTileVectors; ++v) {
            sums[q][v] = kFirst ? load(start + v * kWidth) : Vector<T>{};
        }
    }
    for (Index k = 0; k < depth; ++k) {
        prefetch(ahead + k * 64);
        Vector<T> row[kTileVectors];
#pragma GCC unroll 4
        for (Index v = 0; v < kTileVectors; ++v) row[v] = load(rows + (k * kTileVectors + v) * kWidth);
#pragma GCC unroll 16
        for (Index q = 0; q < kTileQueries; ++q) {
            const Vector<T> query = broadcast(queries[k * kTileQueries + q]);
#pragma GCC unroll 4
            for (Index v = 0; v < kTileVectors; ++v) sums[q][v] = Step::step(sums[q][v], query, row[v]);
        }
    }
    Accumulators<T> result;
#pragma GCC unroll 16
    for (Index q = 0; q < kTileQueries; ++q) {
#pragma GCC unroll 4
        for (Index v = 0; v < kTileVectors; ++v) {
            result.at[q][v] =
                kFirst ? sums[q][v] : Step::join(sums[q][v], load(start + (q * kTileVectors + v) * kWidth));
        }
    }
    return result;
}

// Tiles of queries, and room for their partial scores against one panel.
template <class T> struct QueryBlock {
    const T* query_tiles; // (n_tiles, n_features, kTileQueries)
    Index n_tiles;
    Index n_features;
    T* partial; // n_tiles * kTileQueries * kPanelRows, used when there is more than one depth block
};

// Scores of every query of the block against one panel: consume(query_tile, accumulators) for each.
template <class Step, class T, class Consume>
void sweep_panel(const QueryBlock<T>& block, const T* panel, const T* bias, const Consume& consume) {
    constexpr Index kScores = kTileQueries * kPanelRows<T>;
    const Index full_depth = depth_of_blocks(block.n_features);
    for (Index begin = 0; begin < block.n_features; begin += full_depth) {
        const Index depth = std::min(full_depth, block.n_features - begin);
        const bool last = begin + depth == block.n_features;
        const T* queries = block.query_tiles + begin * kTileQueries;
        const T* rows = panel + begin * kPanelRows<T>;
        for (Index query_tile = 0; query_tile < block.n_tiles;
             ++query_tile, queries += block.n_features * kTileQueries) {
            // The first query tiles fetch the slice that comes next, the others the query tile that comes next.
            const auto* ahead = reinterpret_cast<const char*>(
                query_tile < kTileVectors ? rows + depth * kPanelRows<T> + query_tile * depth * kLanes<T>
                                          : queries + block.n_features * kTileQueries
            );
            // None where there is one depth block.
            T* partial = begin == 0 && last ? nullptr : block.partial + query_tile * kScores;
            const Accumulators<T> sums = begin == 0 ? tile<Step, T, true>(queries, rows, depth, bias, ahead)
                                                    : tile<Step, T, false>(queries, rows, depth, partial, ahead);
            if (last) {
                consume(query_tile, sums);
            } else {
                std::memcpy(partial, sums.at, sizeof sums.at);
            }
        }
    }
}

} // namespace deeprob::core
