// The order in which a block of queries meets the panels: nearest first, so that thresholds are tight early. Rows that lie close
// together are packed one after the other; a run is the panels of one such cell.
#pragma once

#include "core/simd.hpp"

#include <algorithm>
#include <span>
#include <vector>

namespace deeprob::knn {

using core::Index;

struct PanelRange {
    Index first;
    Index last;
};

// Where rows and queries lie among the centers of the cells. Without runs, panels are met in their order.
struct Runs {
    std::span<const Index> starts; // (n_runs + 1), panels
    std::span<const Index> cells;  // (n_runs)
    const float* centers;          // (n_cells, n_columns)
    const float* queries;          // (n_queries, n_columns)
    Index n_columns;
};

// One thread's scratch.
class Itinerary {
  public:
    explicit Itinerary(const Runs& runs) // a view: copied
        : runs_(runs), mean_(static_cast<std::size_t>(runs.n_columns)), order_(runs.cells.size()),
          ranges_(std::max<std::size_t>(1, runs.cells.size())) {}

    // The panels [begin, end), as the queries [first, last) shall meet them.
    std::span<const PanelRange> plan(Index first, Index last, Index begin, Index end) {
        if (runs_.cells.empty()) {
            ranges_[0] = {begin, end};
            return {ranges_.data(), 1};
        }
        std::ranges::fill(mean_, 0.0F);
        for (Index q = first; q < last; ++q) {
            const float* query = runs_.queries + q * runs_.n_columns;
            for (std::size_t c = 0; c < mean_.size(); ++c) mean_[c] += query[c];
        }
        for (float& m : mean_) m /= static_cast<float>(last - first);
        for (std::size_t r = 0; r < order_.size(); ++r) order_[r] = {distance2(runs_.cells[r]), r};
        std::ranges::sort(order_, {}, &Visit::distance2);
        std::size_t n = 0;
        for (const Visit& visit : order_) {
            const PanelRange range{
                std::max(begin, runs_.starts[visit.run]), std::min(end, runs_.starts[visit.run + 1])
            };
            if (range.first < range.last) ranges_[n++] = range;
        }
        return {ranges_.data(), n};
    }

  private:
    struct Visit {
        float distance2;
        std::size_t run;
    };

    [[nodiscard]] float distance2(Index cell) const {
        const float* center = runs_.centers + cell * runs_.n_columns;
        float sum = 0;
        for (std::size_t c = 0; c < mean_.size(); ++c) sum += (mean_[c] - center[c]) * (mean_[c] - center[c]);
        return sum;
    }

    Runs runs_;
    std::vector<float> mean_;
    std::vector<Visit> order_;
    std::vector<PanelRange> ranges_;
};

} // namespace deeprob::knn
