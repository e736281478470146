// Few queries against rows that nobody has packed: canonical distances of everything, in one pass over the rows. Packing them
// would take longer.
#pragma once

#include "core/borrowed.hpp"
#include "knn/centering.hpp"
#include "knn/nearest_list.hpp"
#include "knn/search.hpp"

namespace deeprob::knn {

struct ScanReport {
    Index unusable_row = -1;
    Index unusable_query = -1;
};

// One thread's queries as doubles, and lists of neighbours of the segment at hand.
class SegmentScan {
  public:
    static constexpr Index kRows = 64; // stay in the first- or second-level cache while the queries pass by

    SegmentScan(core::Borrowed<SearchInput> input, Metric metric, Index k)
        : input_(input), metric_(metric), n_queries_(input->queries.n_rows),
          values_(size(n_queries_ * input->queries.n_features)), norms_(size(n_queries_)), directed_(size(n_queries_)),
          nearest_(size(n_queries_), NearestList(k)), ids_(size(kRows)), keys_(size(kRows)) {
        for (Index q = 0; q < n_queries_; ++q) {
            double* values = values_.data() + q * input->queries.n_features;
            row_as_double(input->queries, q, values);
            norms_[size(q)] = canonical_norm2(values, input->queries.n_features);
            directed_[size(q)] = canonical_row(metric, input->queries, q, values) ? 1 : 0;
        }
    }

    void clear() {
        for (NearestList& list : nearest_) list.clear();
    }

    // Rows [begin, end), at most kRows.
    void scan(Index begin, Index end) {
        const auto n = size(end - begin);
        for (std::size_t i = 0; i < n; ++i) ids_[i] = begin + static_cast<Index>(i);
        check_rows(begin, end);
        for (Index q = 0; q < n_queries_; ++q) {
            const double* values = values_.data() + q * input_.queries.n_features;
            const auto* bytes = bytes_of_query(input_.queries, q, input_.train);
            const CanonicalQuery query{values, directed_[size(q)] != 0, bytes};
            canonical_keys(metric_, query, input_.train, {ids_.data(), n}, keys_.data());
            for (std::size_t i = 0; i < n; ++i) {
                if (std::isnan(keys_[i])) continue; // of a row that will be refused
                nearest_[size(q)].insert({keys_[i], ids_[i]});
            }
        }
    }

    // The nearest rows of a query among those scanned, ascending.
    std::span<const Neighbor> nearest(Index query) { return nearest_[size(query)].sorted(); }

    [[nodiscard]] Index unusable_row() const { return unusable_row_; }
    [[nodiscard]] Index unusable_query() const {
        const auto bad = std::ranges::find_if(norms_, [](double norm2) { return !(norm2 <= kMaxNorm2); });
        return bad == norms_.end() ? -1 : bad - norms_.begin();
    }

  private:
    static std::size_t size(Index n) { return static_cast<std::size_t>(n); }

    void check_rows(Index begin, Index end) {
        core::with_dtype(input_.train.dtype, [&]<class T> {
            for (Index row = begin; row < end; ++row) {
                const double norm2 = canonical_norm2(input_.train.row<T>(row), input_.train.n_features);
                if (!(norm2 <= kMaxNorm2) && (unusable_row_ < 0 || row < unusable_row_)) unusable_row_ = row;
            }
        });
    }

    const SearchInput& input_;
    Metric metric_;
    Index n_queries_;
    std::vector<double> values_;
    std::vector<double> norms_; // squared, as given
    std::vector<std::uint8_t> directed_;
    std::vector<NearestList> nearest_; // one for each query
    std::vector<Index> ids_;
    std::vector<double> keys_;
    Index unusable_row_ = -1;
};

inline ScanReport scan(
    const SearchInput& input, Metric metric, const SearchOutput& output, const core::Execution& execution
) {
    constexpr Index kTasksPerThread = 4;
    const Index n_rows = input.train.n_rows;
    const Index n_chunks = core::ceil_div(n_rows, SegmentScan::kRows);
    const Index wanted = std::min<Index>(n_chunks, std::max(1, execution.n_threads) * kTasksPerThread);
    const Index segment_chunks = core::ceil_div(n_chunks, wanted);
    const Index n_segments = core::ceil_div(n_chunks, segment_chunks);
    std::vector<SegmentScan> scans(
        static_cast<std::size_t>(core::team_size(n_segments, execution)), SegmentScan(input, metric, input.k)
    );
    const Index per_query = n_segments * input.k;
    std::vector<Neighbor> lists(static_cast<std::size_t>(input.queries.n_rows * per_query), kNoNeighbor);
    core::parallel_for(n_segments, execution, [&](Index segment, int thread, core::LoopControl& control) {
        SegmentScan& segment_scan = scans[static_cast<std::size_t>(thread)];
        segment_scan.clear();
        const Index end = std::min((segment + 1) * segment_chunks * SegmentScan::kRows, n_rows);
        for (Index row = segment * segment_chunks * SegmentScan::kRows; row < end; row += SegmentScan::kRows) {
            if (control.stopped(thread)) return;
            segment_scan.scan(row, std::min(row + SegmentScan::kRows, end));
        }
        for (Index q = 0; q < input.queries.n_rows; ++q) {
            std::ranges::copy(segment_scan.nearest(q), lists.begin() + q * per_query + segment * input.k);
        }
    });
    ScanReport report{-1, scans.front().unusable_query()};
    for (const SegmentScan& thread_scan : scans) {
        const Index row = thread_scan.unusable_row();
        if (row >= 0 && (report.unusable_row < 0 || row < report.unusable_row)) report.unusable_row = row;
    }
    // Their distances are no numbers: there is nothing to write.
    if (report.unusable_row >= 0 || report.unusable_query >= 0) return report;
    std::vector<Neighbor> none;
    for (Index q = 0; q < input.queries.n_rows; ++q) {
        const std::span<Neighbor> all{lists.data() + q * per_query, static_cast<std::size_t>(per_query)};
        keep_smallest(all, input.k);
        write_neighbors(input, metric, all.first(static_cast<std::size_t>(input.k)), q, output, none);
    }
    return report;
}

} // namespace deeprob::knn
