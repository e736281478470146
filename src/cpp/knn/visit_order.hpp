// The order in which a block of queries meets the panels. Each tile meets the groups nearest to it first, so that thresholds are
// tight early; then all meet the others in their order, and a tile passes over those whose ball no query of it reaches.
#pragma once

#include "knn/pack_prefix.hpp"

#include <numeric>

namespace deeprob::knn {

// Panels, and the query tiles of the block that meet them.
struct Visit {
    Index first;
    Index last;
    std::span<const Index> tiles;
};

// The queries of a block; the first of its tiles may begin with others.
struct BlockQueries {
    Index first;
    Index n;
    [[nodiscard]] Index first_tile() const { return first / core::kTileQueries; }
    [[nodiscard]] Index offset() const { return first % core::kTileQueries; }
    [[nodiscard]] Index n_tiles() const { return core::ceil_div(offset() + n, core::kTileQueries); }
};

// All panels in their order.
class EveryPanel {
  public:
    explicit EveryPanel(Index n_tiles) : tiles_(static_cast<std::size_t>(n_tiles)) {
        std::iota(tiles_.begin(), tiles_.end(), Index{0});
    }

    // Calls visit(Visit) for the panels [begin, end) until it returns false.
    template <class Reach, class F>
    void each(const BlockQueries& queries, Index begin, Index end, const Reach& /*reach*/, const F& visit) {
        visit(Visit{begin, end, std::span(tiles_).first(static_cast<std::size_t>(queries.n_tiles()))});
    }

  private:
    std::vector<Index> tiles_;
};

// The balls of the groups, and where queries lie among them.
struct Groups {
    const float* centers; // (n_columns, n_groups)
    const float* radii;   // (n_groups)
    Index n_groups;
    Index n_columns;
    PrefixColumns queries;
};

// One thread's scratch.
class NearestGroups {
  public:
    NearestGroups(const Groups& groups, Index n_queries, Index n_tiles, Index n_panels) // a view: copied
        : groups_(groups), order_(size(core::ceil_div(n_panels, kGroupPanels) + 1)), sums_(order_.size()),
          distances_(std::max(size(core::kTileQueries) * order_.size(), size(n_queries * kAtOnce))),
          seeds_(size(n_tiles * kSeeds)), tiles_(size(n_tiles)) {}

    // The same; reach(q) is how far query q of the block still looks, in the units of the columns. Each tile meets the groups
    // nearest to it first, by itself; then thresholds are tight, and all groups are met by all tiles in their order.
    template <class Reach, class F>
    void each(const BlockQueries& queries, Index begin, Index end, const Reach& reach, const F& visit) {
        const Index first = begin / kGroupPanels;
        const Index last = core::ceil_div(end, kGroupPanels);
        const auto visit_group = [&](Index group, std::span<const Index> tiles) {
            const Visit panels{std::max(begin, group * kGroupPanels), std::min(end, (group + 1) * kGroupPanels), tiles};
            return tiles.empty() || visit(panels);
        };
        std::ranges::fill(seeds_, -1);
        for (Index tile = 0; tile < queries.n_tiles(); ++tile) {
            find_seeds(queries, tile, first, last);
            for (const Index group : seeds_of(tile)) {
                if (group >= 0 && !visit_group(group, {&tile, 1})) return;
            }
        }
        for (Index group = first; group < last; ++group) {
            const Index place = (group - first) % kAtOnce;
            if (place == 0) measure(queries, {0, queries.n}, group, std::min(kAtOnce, last - group), kAtOnce);
            if (!visit_group(group, near(queries, group, place, reach))) return;
        }
    }

  private:
    static constexpr Index kSeeds = 4;   // groups that a tile meets before the others
    static constexpr Index kAtOnce = 64; // groups whose distances from all queries are known at a time

    static std::size_t size(Index n) { return static_cast<std::size_t>(n); }

    // Queries of the block.
    struct Range {
        Index begin;
        Index end;
    };
    static Range queries_of(const BlockQueries& queries, Index tile) {
        const Index begin = tile * core::kTileQueries - queries.offset();
        return {std::max<Index>(0, begin), std::min(begin + core::kTileQueries, queries.n)};
    }

    std::span<Index> seeds_of(Index tile) { return std::span(seeds_).subspan(size(tile * kSeeds), size(kSeeds)); }

    // Distances of queries from the centers of n groups, those of a query `stride` behind those of the one before.
    void measure(const BlockQueries& queries, const Range& range, Index first_group, Index n, Index stride) {
        for (Index q = range.begin; q < range.end; ++q) {
            const float* query = groups_.queries.row(queries.first + q);
            float* const out = distances_.data() + (q - range.begin) * stride;
            std::fill_n(out, n, 0.0F);
            for (Index c = 0; c < groups_.n_columns; ++c) {
                const float* centers = groups_.centers + c * groups_.n_groups + first_group;
                for (Index g = 0; g < n; ++g) out[g] += (query[c] - centers[g]) * (query[c] - centers[g]);
            }
            for (Index g = 0; g < n; ++g) out[g] = std::sqrt(out[g]);
        }
    }

    // The groups nearest to the queries of a tile, nearest first.
    void find_seeds(const BlockQueries& queries, Index tile, Index first, Index last) {
        const Index n = last - first;
        const Range range = queries_of(queries, tile);
        measure(queries, range, first, n, n);
        std::fill_n(sums_.begin(), n, 0.0F);
        for (Index q = 0; q < range.end - range.begin; ++q) {
            for (Index g = 0; g < n; ++g) sums_[size(g)] += distances_[size(q * n + g)];
        }
        // Centers may come from a file that is damaged; what is no number cannot be sorted.
        constexpr float kFarthest = std::numeric_limits<float>::max();
        for (float& sum : sums_) sum = sum < kFarthest ? sum : kFarthest;
        const std::span<Index> order{order_.data(), size(n)};
        std::iota(order.begin(), order.end(), Index{0});
        const auto nearest = order.first(size(std::min(n, kSeeds)));
        std::ranges::partial_sort(order, nearest.end(), {}, [&](Index g) { return sums_[size(g)]; });
        std::ranges::transform(nearest, seeds_of(tile).begin(), [&](Index g) { return first + g; });
    }

    // The tiles that have yet to meet a group, and may find a row within reach in it; `place`: of its distances.
    template <class Reach>
    std::span<const Index> near(const BlockQueries& queries, Index group, Index place, const Reach& reach) {
        // More than float32 rounds in the sum of so many squares, and in its root.
        const double rounding = 1 - static_cast<double>(groups_.n_columns + 8) * 0x1p-23;
        const double radius = groups_.radii[group];
        std::size_t n = 0;
        for (Index tile = 0; tile < queries.n_tiles(); ++tile) {
            if (std::ranges::count(seeds_of(tile), group) > 0) continue;
            auto [q, end] = queries_of(queries, tile);
            const auto is_beyond = [&](Index query) {
                return double{distances_[size(query * kAtOnce + place)]} * rounding - radius > reach(query);
            };
            while (q < end && is_beyond(q)) ++q;
            if (q < end) tiles_[n++] = tile;
        }
        return {tiles_.data(), n};
    }

    Groups groups_;
    std::vector<Index> order_;
    std::vector<float> sums_;
    std::vector<float> distances_;
    std::vector<Index> seeds_; // (tiles, seeds)
    std::vector<Index> tiles_;
};

} // namespace deeprob::knn
