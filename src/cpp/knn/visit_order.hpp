// The order in which a block of queries meets the panels: nearest first, so that thresholds are tight early. Rows that lie close
// together are packed one after the other; the panels of one cluster make a range.
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

// The panels of each cluster, and where queries lie among the centers. Without ranges, panels are met in their order.
struct PanelRanges {
    std::span<const Index> starts;   // (n_ranges + 1), panels
    std::span<const Index> clusters; // (n_ranges), of which the panels are
    const float* centers;            // (n_clusters, n_columns)
    const float* queries;            // (n_queries, n_columns)
    Index n_columns;
};

// One thread's scratch.
class VisitOrder {
  public:
    explicit VisitOrder(const PanelRanges& panels) // a view: copied
        : panels_(panels), mean_(static_cast<std::size_t>(panels.n_columns)), order_(panels.clusters.size()),
          ranges_(std::max<std::size_t>(1, panels.clusters.size())) {}

    // The panels [begin, end), as the queries [first, last) shall meet them.
    std::span<const PanelRange> plan(Index first, Index last, Index begin, Index end) {
        if (panels_.clusters.empty()) {
            ranges_[0] = {begin, end};
            return {ranges_.data(), 1};
        }
        std::ranges::fill(mean_, 0.0F);
        for (Index q = first; q < last; ++q) {
            const float* query = panels_.queries + q * panels_.n_columns;
            for (std::size_t c = 0; c < mean_.size(); ++c) mean_[c] += query[c];
        }
        for (float& m : mean_) m /= static_cast<float>(last - first);
        for (std::size_t r = 0; r < order_.size(); ++r) order_[r] = {distance2(panels_.clusters[r]), r};
        std::ranges::sort(order_, {}, &Visit::distance2);
        std::size_t n = 0;
        for (const Visit& visit : order_) {
            const PanelRange range{
                std::max(begin, panels_.starts[visit.range]), std::min(end, panels_.starts[visit.range + 1])
            };
            if (range.first < range.last) ranges_[n++] = range;
        }
        return {ranges_.data(), n};
    }

  private:
    struct Visit {
        float distance2;
        std::size_t range;
    };

    [[nodiscard]] float distance2(Index cluster) const {
        const float* center = panels_.centers + cluster * panels_.n_columns;
        float sum = 0;
        for (std::size_t c = 0; c < mean_.size(); ++c) sum += (mean_[c] - center[c]) * (mean_[c] - center[c]);
        return sum;
    }

    PanelRanges panels_;
    std::vector<float> mean_;
    std::vector<Visit> order_;
    std::vector<PanelRange> ranges_;
};

} // namespace deeprob::knn
