// What is searched, and how queries and rows are cut into tasks.
#pragma once

#include "core/parallel.hpp"
#include "core/tile.hpp"
#include "knn/candidates.hpp"
#include "knn/positions.hpp"

#include <span>

namespace deeprob::knn {

struct SearchInput {
    Rows train;
    Positions positions;
    bool is_scattered; // whether rows stand in an order that is as good as random
    // Equal rows, if there are any: those of the distinct row number j, representatives[j] its first, are duplicate_members[
    // duplicate_starts[j] : duplicate_starts[j + 1]]. Representatives ascend, and so do equal rows.
    std::span<const Index> representatives;
    std::span<const Index> duplicate_starts;
    std::span<const Index> duplicate_members;
    Rows queries;
    Index k;
    // The training rows may be a piece of more: their first is row `first_row` of all. Those before it have been searched; the
    // outputs hold min(k, first_row) neighbours among them for each query. Pieces have no representatives.
    Index first_row;
    const double* distances; // (n_queries, k)
    const std::int64_t* indices;

    [[nodiscard]] Index n_found() const { return std::min(k, first_row); }
    // How many neighbours a query has among all rows up to here.
    [[nodiscard]] Index n_expected() const { return std::min(k, first_row + train.n_rows); }
    [[nodiscard]] bool has_duplicates() const { return !duplicate_starts.empty(); }
};

// A block of queries against a segment of the panels.
struct SearchTask {
    Index segment;
    Index first_query;
    Index last_query;
    Index first_panel;
    Index last_panel;
    [[nodiscard]] Index n_queries() const { return last_query - first_query; }
    [[nodiscard]] Index n_panels() const { return last_panel - first_panel; }
};

// The shape of the work: how queries and rows are cut into tasks.
struct SearchPlan {
    Index k; // neighbours per task, among distinct rows
    Index block_queries;
    Index n_blocks;
    Index n_panels;
    Index segment_panels;
    Index n_segments;

    // `spare`: see Candidates. Of a block: its query tiles at most, and about how much memory its candidates may take.
    SearchPlan(
        const SearchInput& input, Index spare, Index most_tiles, Index scratch_bytes, const core::Execution& execution
    ) {
        constexpr Index kMaxSegment = Index{1} << 30; // positions fit 32 bits
        const Index n_queries = input.queries.n_rows;
        k = std::min(input.k, input.first_row + input.positions.size());
        const Index bytes = Candidates::bytes_per_query(k, spare);
        const Index query_tiles = std::clamp<Index>(scratch_bytes / bytes / core::kTileQueries, 1, most_tiles);
        block_queries = query_tiles * core::kTileQueries;
        n_blocks = core::ceil_div(n_queries, block_queries);
        // Even blocks, in a multiple of the threads, so that all end together.
        const Index wanted = core::round_up(n_blocks, std::max(1, execution.n_threads));
        block_queries = core::round_up(core::ceil_div(n_queries, wanted), core::kTileQueries);
        block_queries = std::min(block_queries, std::max<Index>(1, scratch_bytes / bytes));
        n_blocks = core::ceil_div(n_queries, block_queries);
        n_panels = core::ceil_div(input.positions.size(), core::kPanelRows<float>);
        n_segments = std::clamp<Index>(core::ceil_div(execution.n_threads, std::max<Index>(1, n_blocks)), 1, n_panels);
        n_segments = std::max(n_segments, core::ceil_div(input.positions.size(), kMaxSegment));
        segment_panels = core::ceil_div(n_panels, n_segments);
        n_segments = core::ceil_div(n_panels, segment_panels);
    }
    // Blocks of less than one tile may begin inside it.
    [[nodiscard]] Index max_tiles() const { return core::ceil_div(block_queries, core::kTileQueries) + 1; }
    [[nodiscard]] Index n_tasks() const { return n_blocks * n_segments; }
    [[nodiscard]] SearchTask task(Index number, Index n_queries) const {
        const Index segment = number % n_segments;
        const Index first_query = number / n_segments * block_queries;
        const Index first_panel = segment * segment_panels;
        return {
            segment, first_query, std::min(first_query + block_queries, n_queries), first_panel,
            std::min(first_panel + segment_panels, n_panels)
        };
    }
};

} // namespace deeprob::knn
