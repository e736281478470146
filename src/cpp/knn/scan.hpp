// Few queries against rows that nobody has packed: canonical distances of everything, in one pass over the rows. Packing them
// would take longer.
#pragma once

#include "core/borrowed.hpp"
#include "knn/centering.hpp"
#include "knn/nearest_list.hpp"
#include "knn/radius_collector.hpp"
#include "knn/search.hpp"

namespace deeprob::knn {

struct ScanReport {
    Index unusable_row = -1;
    Index unusable_query = -1;
};

// All rows within a key, of those inserted so far.
class WithinList {
  public:
    explicit WithinList(double key) : key_(key) {}

    void clear() { list_.clear(); }
    void insert(const Neighbor& neighbor) {
        if (neighbor.key <= key_) list_.push_back(neighbor);
    }
    [[nodiscard]] std::span<const Neighbor> all() const { return list_; }

  private:
    double key_;
    std::vector<Neighbor> list_;
};

// One thread's queries as doubles, and lists of neighbours of the segment at hand.
template <class List> class SegmentScan {
  public:
    static constexpr Index kRows = 64; // stay in the first- or second-level cache while the queries pass by

    SegmentScan(core::Borrowed<SearchInput> input, Metric metric, const List& empty)
        : input_(input), metric_(metric), n_queries_(input->queries.n_rows),
          values_(size(n_queries_ * input->queries.n_features)), norms_(size(n_queries_)), directed_(size(n_queries_)),
          lists_(size(n_queries_), empty), ids_(size(kRows)), keys_(size(kRows)) {
        for (Index q = 0; q < n_queries_; ++q) {
            double* values = values_.data() + q * input->queries.n_features;
            row_as_double(input->queries, q, values);
            norms_[size(q)] = canonical_norm2(values, input->queries.n_features);
            directed_[size(q)] = canonical_row(metric, input->queries, q, values) ? 1 : 0;
        }
    }

    void clear() {
        for (List& list : lists_) list.clear();
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
                lists_[size(q)].insert({keys_[i], ids_[i]});
            }
        }
    }

    // Of the rows scanned.
    [[nodiscard]] List& list(Index query) { return lists_[size(query)]; }

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
    std::vector<List> lists_; // one for each query
    std::vector<Index> ids_;
    std::vector<double> keys_;
    Index unusable_row_ = -1;
};

// How the rows are shared among tasks.
struct ScanSegments {
    static constexpr Index kTasksPerThread = 4;
    Index n_rows;
    Index rows; // of a segment, in whole chunks
    Index n;

    ScanSegments(Index n_rows, Index chunk, const core::Execution& execution) : n_rows(n_rows) {
        const Index n_chunks = core::ceil_div(n_rows, chunk);
        const Index wanted = std::min<Index>(n_chunks, std::max(1, execution.n_threads) * kTasksPerThread);
        rows = core::ceil_div(n_chunks, wanted) * chunk;
        n = core::ceil_div(n_rows, rows);
    }
};

// Calls done(segment, scan) after each segment, with the scan of the thread.
template <class List, class Done>
ScanReport scan_segments(
    const SearchInput& input, Metric metric, const List& empty, const ScanSegments& segments,
    const core::Execution& execution, const Done& done
) {
    using Scan = SegmentScan<List>;
    std::vector<Scan> scans(
        static_cast<std::size_t>(core::team_size(segments.n, execution)), Scan(input, metric, empty)
    );
    core::parallel_for(segments.n, execution, [&](Index segment, int thread, core::LoopControl& control) {
        Scan& segment_scan = scans[static_cast<std::size_t>(thread)];
        segment_scan.clear();
        const Index end = std::min((segment + 1) * segments.rows, segments.n_rows);
        for (Index row = segment * segments.rows; row < end; row += Scan::kRows) {
            if (control.stopped(thread)) return;
            segment_scan.scan(row, std::min(row + Scan::kRows, end));
        }
        done(segment, segment_scan);
    });
    ScanReport report{-1, scans.front().unusable_query()};
    for (const Scan& thread_scan : scans) {
        const Index row = thread_scan.unusable_row();
        if (row >= 0 && (report.unusable_row < 0 || row < report.unusable_row)) report.unusable_row = row;
    }
    return report;
}

inline ScanReport scan(
    const SearchInput& input, Metric metric, const SearchOutput& output, const core::Execution& execution
) {
    using Scan = SegmentScan<NearestList>;
    const ScanSegments segments(input.train.n_rows, Scan::kRows, execution);
    const Index per_query = segments.n * input.k;
    std::vector<Neighbor> lists(static_cast<std::size_t>(input.queries.n_rows * per_query), kNoNeighbor);
    const NearestList empty(input.k);
    const auto report =
        scan_segments(input, metric, empty, segments, execution, [&](Index segment, Scan& segment_scan) {
            for (Index q = 0; q < input.queries.n_rows; ++q) {
                std::ranges::copy(segment_scan.list(q).sorted(), lists.begin() + q * per_query + segment * input.k);
            }
        });
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

// All rows within a radius.
inline std::pair<ScanReport, std::unique_ptr<NeighborLists>> scan_radius(
    const SearchInput& input, Metric metric, const Radius& radius, const core::Execution& execution
) {
    using Scan = SegmentScan<WithinList>;
    const ScanSegments segments(input.train.n_rows, Scan::kRows, execution);
    const Index n_queries = input.queries.n_rows;
    auto lists = std::make_unique<NeighborLists>(n_queries, std::max<Index>(1, n_queries), segments.n, radius.limit);
    std::vector<RadiusCollector> collectors(
        static_cast<std::size_t>(segments.n), RadiusCollector(input, radius, n_queries)
    );
    const WithinList empty(radius.key);
    const auto report =
        scan_segments(input, metric, empty, segments, execution, [&](Index segment, Scan& segment_scan) {
            RadiusCollector& collector = collectors[static_cast<std::size_t>(segment)];
            for (Index q = 0; q < n_queries; ++q) {
                Index n = 0;
                for (const Neighbor& neighbor : segment_scan.list(q).all()) n += collector.keep(q, neighbor);
                lists->add(n);
            }
            if (n_queries > 0) collector.store(segment, n_queries, *lists);
        });
    return {report, std::move(lists)};
}

} // namespace deeprob::knn
