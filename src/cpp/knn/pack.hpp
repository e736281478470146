// Rows and queries into the layouts of core/tile.hpp, as surrogates.
#pragma once

#include "core/parallel.hpp"
#include "knn/filter.hpp"

#include <limits>

namespace deeprob::knn {

// The packed training rows. Position j of the packing is row `representatives[j]` of the training data, or row j where there
// are no representatives.
template <class T> struct Packed {
    using Bound = std::conditional_t<std::is_const_v<T>, const float, float>;
    T* panels;    // (n_panels, n_features, kPanelRows)
    T* bias;      // (n_panels * kPanelRows); -infinity beyond the last row
    Bound* norm;  // (n_panels), the largest RowBound::norm of each panel
    Bound* slack; // (n_panels), the largest RowBound::slack
};

struct PackReport {
    Index unusable_row = -1; // the first row with NaN, infinity or values whose squares overflow
    double largest_norm = 0;
    bool integral = true;
};

inline Index training_row(const Index* representatives, Index position) {
    return representatives == nullptr ? position : representatives[position];
}

// The rows of a panel before they are transposed lie an odd number of cache lines apart, so that they do not share a set.
inline Index packing_stride(const Surrogate& surrogate) { return core::round_up(surrogate.padded_features(), 32) + 16; }

template <class T>
PackReport pack_panel(
    const Rows& train, const Index* representatives, Index n_positions, const Surrogate& surrogate,
    const FilterBounds& bounds, Index panel, const Packed<T>& packed, double* values, T* rows
) {
    constexpr Index kRows = core::kPanelRows<T>;
    const Index n_features = train.n_features;
    PackReport report;
    const Index row_stride = packing_stride(surrogate);
    std::fill_n(rows, kRows * row_stride, T{0});
    double norm = 0;
    double slack = 0;
    for (Index r = 0; r < kRows; ++r) {
        const Index position = panel * kRows + r;
        T* bias = packed.bias + position;
        if (position >= n_positions) {
            *bias = -std::numeric_limits<T>::infinity();
            continue;
        }
        const Index id = training_row(representatives, position);
        row_as_double(train, id, values);
        std::fill(values + n_features, values + surrogate.padded_features(), 0.0);
        const RowMeasure measure = center_row(surrogate, values);
        if (!measure.usable() && report.unusable_row < 0) report.unusable_row = id;
        const RowBound bound = bounds.row(measure);
        report.integral = report.integral && measure.integral();
        report.largest_norm = std::max(report.largest_norm, std::sqrt(measure.norm2));
        norm = std::max(norm, bound.norm);
        slack = std::max(slack, bound.slack);
        if (std::isinf(bound.bias)) {
            *bias = bound.bias;
        } else {
            *bias = static_cast<T>(bounds.bias(measure));
            T* row = rows + r * row_stride;
            for (Index f = 0; f < n_features; ++f) row[f] = surrogate.scaled<T>(values[f]);
        }
    }
    T* out = packed.panels + panel * kRows * n_features;
    for (Index f = 0; f < n_features; ++f) {
        for (Index r = 0; r < kRows; ++r) out[f * kRows + r] = rows[r * row_stride + f];
    }
    packed.norm[panel] = rounded_up(norm);
    packed.slack[panel] = rounded_up(slack);
    return report;
}

template <class T>
PackReport pack(
    const Rows& train, const Index* representatives, Index n_positions, const Surrogate& surrogate,
    const Packed<T>& packed, const core::Execution& execution
) {
    const Index n_panels = core::ceil_div(n_positions, core::kPanelRows<T>);
    const auto n_threads = static_cast<std::size_t>(core::team_size(n_panels, execution));
    const auto width = static_cast<std::size_t>(surrogate.padded_features());
    std::vector<double> values(n_threads * width);
    const auto panel_size = static_cast<std::size_t>(core::kPanelRows<T> * packing_stride(surrogate));
    std::vector<T> rows(n_threads * panel_size);
    std::vector<PackReport> reports(static_cast<std::size_t>(n_panels));
    const FilterBounds bounds(surrogate);
    core::parallel_for(n_panels, execution, [&](Index panel, int thread, core::LoopControl&) {
        const auto t = static_cast<std::size_t>(thread);
        reports[static_cast<std::size_t>(panel)] = pack_panel(
            train, representatives, n_positions, surrogate, bounds, panel, packed, values.data() + t * width,
            rows.data() + t * panel_size
        );
    });
    PackReport total;
    for (const PackReport& report : reports) {
        if (total.unusable_row < 0) total.unusable_row = report.unusable_row;
        total.largest_norm = std::max(total.largest_norm, report.largest_norm);
        total.integral = total.integral && report.integral;
    }
    return total;
}

// Packs queries [first, last), at most kTileQueries of them, into one group; queries without a surrogate become zeros.
// `values` has room for a padded row.
template <class T>
void pack_group(
    const Rows& queries, Index first, Index last, const Surrogate& surrogate, double* values, T* group,
    RowMeasure* measures
) {
    const Index n_features = surrogate.n_features;
    std::fill_n(group, n_features * core::kTileQueries, T{0});
    for (Index q = first; q < last; ++q) {
        row_as_double(queries, q, values);
        std::fill(values + n_features, values + surrogate.padded_features(), 0.0);
        const RowMeasure measure = center_row(surrogate, values);
        measures[q - first] = measure;
        if (!measure.filterable(surrogate)) continue;
        T* out = group + (q - first);
        for (Index f = 0; f < n_features; ++f) out[f * core::kTileQueries] = surrogate.scaled<T>(values[f]);
    }
}

// Packs all queries; returns the first that cannot be searched, or -1.
template <class T>
Index pack_queries(
    const Rows& queries, const Surrogate& surrogate, T* groups, RowMeasure* measures, const core::Execution& execution
) {
    const Index n_groups = core::ceil_div(queries.n_rows, core::kTileQueries);
    const auto n_threads = static_cast<std::size_t>(core::team_size(n_groups, execution));
    const auto width = static_cast<std::size_t>(surrogate.padded_features());
    std::vector<double> values(n_threads * width);
    core::parallel_for(n_groups, execution, [&](Index group, int thread, core::LoopControl&) {
        const Index first = group * core::kTileQueries;
        pack_group(
            queries, first, std::min(first + core::kTileQueries, queries.n_rows), surrogate,
            values.data() + static_cast<std::size_t>(thread) * width,
            groups + group * surrogate.n_features * core::kTileQueries, measures + first
        );
    });
    const RowMeasure* const bad =
        std::find_if(measures, measures + queries.n_rows, [](const RowMeasure& row) { return !row.usable(); });
    return bad == measures + queries.n_rows ? -1 : bad - measures;
}

} // namespace deeprob::knn
