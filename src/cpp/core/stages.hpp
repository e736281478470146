// The micro-kernel of rows in bytes that are read stage by stage: after the columns of each stage a tile of queries and a panel
// of rows are given up unless one of their pairs may still pass.
//
// A stage has words of four columns each, and a last word, the rest, that counts in this stage only. For every panel it holds the
// words, the rest and the bias of kPanelRows rows; for every query tile the words and the rest. Columns of a later stage may be
// finer: sums are shifted by their ratio on the way.
#pragma once

#include "core/tile.hpp"

#include <span>

namespace deeprob::core {

struct Stage {
    Index n_words; // without the rest
    int shift;     // to the left, of sums that come from the stage before
    Index rows;    // where the stage of the first panel starts
    Index queries; // where the stage of a query tile starts in the tile

    [[nodiscard]] Index panel_words() const { return (n_words + 2) * kPanelRows<std::int32_t>; }
    [[nodiscard]] Index tile_words() const { return (n_words + 1) * kTileQueries; }
};

// What a stage adds to sums: the products of its words, and the bias less the limit of each query.
struct StageLimits {
    const std::int32_t* first; // of the tile, in the first stage
    Index stride;              // from stage to stage
};

// hits[q], of the rows that pass all stages: those with a sum that is not negative.
struct StageHits {
    std::uint32_t of[kTileQueries];
};

// Of sums without the rest. By itself, lest its registers are wanted where sums are added up.
[[gnu::noinline]] inline void find_hits(
    const Accumulators<std::int32_t>& sums, const std::int32_t* rest_of_queries, const std::int32_t* rest,
    StageHits& hits
) {
    constexpr Index kWidth = kLanes<std::int32_t>;
    for (Index q = 0; q < kTileQueries; ++q) {
        hits.of[q] = 0;
        for (Index v = 0; v < kTileVectors; ++v) {
            const auto sum = ByteProduct::step(sums.at[q][v], broadcast(rest_of_queries[q]), load(rest + v * kWidth));
            hits.of[q] |= greater(sum, broadcast(-1)) << (v * kWidth);
        }
    }
}

// Returns whether any pair passes. Sums wrap on the way; what they come to fits. `query_tile`: of all stages; `words`: of all panels.
inline bool sweep_stages(
    std::span<const Stage> stages, const std::int32_t* query_tile, const std::int32_t* words, Index panel,
    const StageLimits& limits, StageHits& hits
) {
    using Words = Vector<std::int32_t>;
    using Wrapping = Vector<std::uint32_t>;
    constexpr Index kWidth = kLanes<std::int32_t>;
    constexpr Index kRows = kPanelRows<std::int32_t>;
    Words sums[kTileQueries][kTileVectors];
    const std::int32_t* limit = limits.first;
    for (auto stage = stages.begin();;) {
        const std::int32_t* rows = words + stage->rows + panel * stage->panel_words();
        const std::int32_t* queries = query_tile + stage->queries;
        const std::int32_t* rest = rows + stage->n_words * kRows;
        const auto bias_less_limit = [&](Index q, Index v) {
            return reinterpret_cast<Wrapping>(load(rest + kRows + v * kWidth) - broadcast(limit[q]));
        };
        if (stage == stages.begin()) {
#pragma GCC unroll 16
            for (Index q = 0; q < kTileQueries; ++q) {
#pragma GCC unroll 4
                for (Index v = 0; v < kTileVectors; ++v) sums[q][v] = reinterpret_cast<Words>(bias_less_limit(q, v));
            }
        } else {
#pragma GCC unroll 16
            for (Index q = 0; q < kTileQueries; ++q) {
#pragma GCC unroll 4
                for (Index v = 0; v < kTileVectors; ++v) {
                    const Wrapping before = reinterpret_cast<Wrapping>(sums[q][v]) << stage->shift;
                    sums[q][v] = reinterpret_cast<Words>(before + bias_less_limit(q, v));
                }
            }
        }
        for (Index k = 0; k < stage->n_words; ++k) {
            Words row[kTileVectors];
#pragma GCC unroll 4
            for (Index v = 0; v < kTileVectors; ++v) row[v] = load(rows + (k * kTileVectors + v) * kWidth);
#pragma GCC unroll 16
            for (Index q = 0; q < kTileQueries; ++q) {
                const Words query = broadcast(queries[k * kTileQueries + q]);
#pragma GCC unroll 4
                for (Index v = 0; v < kTileVectors; ++v) sums[q][v] = ByteProduct::step(sums[q][v], query, row[v]);
            }
        }
        const std::int32_t* rest_of_queries = queries + stage->n_words * kTileQueries;
        const auto with_rest = [&](Index q, Index v) {
            return ByteProduct::step(sums[q][v], broadcast(rest_of_queries[q]), load(rest + v * kWidth));
        };
        Words all = ~Words{};
        static_assert(kTileVectors == 2);
#pragma GCC unroll 16
        for (Index q = 0; q < kTileQueries; ++q) all = common_bits(all, with_rest(q, 0), with_rest(q, 1));
        if (greater(all, broadcast(-1)) == 0) return false;
        if (++stage == stages.end()) {
            Accumulators<std::int32_t> copy;
            std::memcpy(copy.at, sums, sizeof sums);
            find_hits(copy, rest_of_queries, rest, hits);
            return true;
        }
        limit += limits.stride;
    }
}

} // namespace deeprob::core
