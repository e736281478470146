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

// A tile's sums, in registers: without the rest of the stage that they have come to.
using StageSums = Vector<std::int32_t>[kTileQueries][kTileVectors];

// Shifts the sums, and adds the bias of the rows less the limits of the queries.
template <bool kFirst>
[[gnu::always_inline]] inline void enter_stage(
    StageSums& sums, const std::int32_t* bias, const std::int32_t* limits, int shift
) {
    using Wrapping = Vector<std::uint32_t>;
#pragma GCC unroll 16
    for (Index q = 0; q < kTileQueries; ++q) {
#pragma GCC unroll 4
        for (Index v = 0; v < kTileVectors; ++v) {
            const auto added = reinterpret_cast<Wrapping>(load(bias + v * kLanes<std::int32_t>) - broadcast(limits[q]));
            if constexpr (kFirst) {
                sums[q][v] = reinterpret_cast<Vector<std::int32_t>>(added);
            } else {
                const auto before = reinterpret_cast<Wrapping>(sums[q][v]) << shift;
                sums[q][v] = reinterpret_cast<Vector<std::int32_t>>(before + added);
            }
        }
    }
}

[[gnu::always_inline]] inline void add_words(
    StageSums& sums, const std::int32_t* queries, const std::int32_t* rows, Index n_words
) {
    constexpr Index kWidth = kLanes<std::int32_t>;
    for (Index k = 0; k < n_words; ++k) {
        Vector<std::int32_t> row[kTileVectors];
#pragma GCC unroll 4
        for (Index v = 0; v < kTileVectors; ++v) row[v] = load(rows + (k * kTileVectors + v) * kWidth);
#pragma GCC unroll 16
        for (Index q = 0; q < kTileQueries; ++q) {
            const Vector<std::int32_t> query = broadcast(queries[k * kTileQueries + q]);
#pragma GCC unroll 4
            for (Index v = 0; v < kTileVectors; ++v) sums[q][v] = ByteProduct::step(sums[q][v], query, row[v]);
        }
    }
}

// Whether any pair may pass, the rest included.
[[gnu::always_inline]] inline bool any_passes(
    const StageSums& sums, const std::int32_t* rest_of_queries, const std::int32_t* rest
) {
    static_assert(kTileVectors == 2);
    Vector<std::int32_t> all = ~Vector<std::int32_t>{};
#pragma GCC unroll 16
    for (Index q = 0; q < kTileQueries; ++q) {
        const Vector<std::int32_t> query = broadcast(rest_of_queries[q]);
        all = common_bits(
            all, ByteProduct::step(sums[q][0], query, load(rest)),
            ByteProduct::step(sums[q][1], query, load(rest + kLanes<std::int32_t>))
        );
    }
    return greater(all, broadcast(-1)) != 0;
}

// Returns whether any pair passes. Sums wrap on the way; what they come to fits. `query_tile`: of all stages; `words`: of all
// panels.
inline bool sweep_stages(
    std::span<const Stage> stages, const std::int32_t* query_tile, const std::int32_t* words, Index panel,
    const StageLimits& limits, StageHits& hits
) {
    constexpr Index kRows = kPanelRows<std::int32_t>;
    StageSums sums;
    const std::int32_t* limit = limits.first;
    for (auto stage = stages.begin();; limit += limits.stride) {
        const std::int32_t* rows = words + stage->rows + panel * stage->panel_words();
        const std::int32_t* queries = query_tile + stage->queries;
        const std::int32_t* rest = rows + stage->n_words * kRows;
        const std::int32_t* rest_of_queries = queries + stage->n_words * kTileQueries;
        if (stage == stages.begin()) {
            enter_stage<true>(sums, rest + kRows, limit, 0);
        } else {
            enter_stage<false>(sums, rest + kRows, limit, stage->shift);
        }
        add_words(sums, queries, rows, stage->n_words);
        if (!any_passes(sums, rest_of_queries, rest)) return false;
        if (++stage == stages.end()) {
            Accumulators<std::int32_t> copy;
            std::memcpy(copy.at, sums, sizeof sums);
            find_hits(copy, rest_of_queries, rest, hits);
            return true;
        }
    }
}

} // namespace deeprob::core
