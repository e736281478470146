// Fewer columns than features: the coordinates of x - c along an orthonormal basis, and the length of what is left, as one more
// column. Distances between these columns are never longer than those between the rows (docs/exactness.md), up to an error that
// is bounded for every row.
#pragma once

#include "core/parallel.hpp"
#include "knn/filter.hpp"

namespace deeprob::knn {

struct Projection {
    const float* basis; // (n_directions, n_features)
    Index n_directions;
    double defect; // at least norm(B B^T - 1), B the basis
    [[nodiscard]] Index n_columns() const { return n_directions + 1; }
};

// The basis in the layout of query groups.
inline core::AlignedVector<float> basis_groups(const Projection& projection, Index n_features) {
    const Index n_groups = core::ceil_div(projection.n_directions, core::kTileQueries);
    core::AlignedVector<float> groups(static_cast<std::size_t>(n_groups * core::kTileQueries * n_features));
    for (Index d = 0; d < projection.n_directions; ++d) {
        float* out = groups.data() + d / core::kTileQueries * core::kTileQueries * n_features + d % core::kTileQueries;
        for (Index f = 0; f < n_features; ++f) out[f * core::kTileQueries] = projection.basis[d * n_features + f];
    }
    return groups;
}

class RowProjector {
  public:
    RowProjector(const Rows& rows, const Surrogate& surrogate, const Projection& projection, const float* groups)
        : rows_(rows), surrogate_(surrogate), projection_(projection), groups_(groups),
          n_groups_(core::ceil_div(projection.n_directions, core::kTileQueries)),
          values_(size(surrogate.padded_features())), stride_(core::round_up(surrogate.n_features, 32) + 16),
          row_major_(size(kRows * stride_)), panel_(size(kRows * surrogate.n_features)), bias_(size(kRows)),
          partial_(size(n_groups_ * core::kTileQueries * kRows)), measures_(size(kRows)) {}

    // Rows [first, first + kRows) that exist: `columns` (n_columns each) and `errors` are those of row `first`.
    void project(Index first, float* columns, double* errors) {
        const Index n = std::min(kRows, rows_.n_rows - first);
        for (Index r = 0; r < kRows; ++r) load(first, r, n);
        for (Index f = 0; f < rows_.n_features; ++f) {
            const float* in = row_major_.data() + f;
            for (Index r = 0; r < kRows; ++r) panel_[size(f * kRows + r)] = in[r * stride_];
        }
        const core::QueryBlock<float> block{groups_, n_groups_, surrogate_.n_features, partial_.data()};
        core::sweep_panel<core::Product>(
            block, panel_.data(), bias_.data(), [&](Index group, const core::Accumulators<float>& sums) {
                for (Index t = 0; t < core::kTileQueries; ++t) {
                    const Index direction = group * core::kTileQueries + t;
                    if (direction >= projection_.n_directions) break;
                    float along[kRows];
                    std::memcpy(along, sums.at[t], sizeof along);
                    for (Index r = 0; r < n; ++r) columns[r * projection_.n_columns() + direction] = along[r];
                }
            }
        );
        for (Index r = 0; r < n; ++r) {
            errors[r] = finish(size(r), columns + r * projection_.n_columns());
            if (unusable_ < 0 && !measures_[size(r)].usable()) unusable_ = first + r;
        }
    }
    [[nodiscard]] Index unusable() const { return unusable_; }

    static constexpr Index kRows = core::kPanelRows<float>;

  private:
    static std::size_t size(Index n) { return static_cast<std::size_t>(n); }

    void load(Index first, Index r, Index n) {
        RowMeasure& measure = measures_[size(r)];
        bool fits = false;
        if (r < n) {
            row_as_double(rows_, first + r, values_.data());
            std::fill(values_.begin() + rows_.n_features, values_.end(), 0.0);
            measure = center_row(surrogate_, values_.data());
            fits = in_range(measure);
        }
        float* out = row_major_.data() + r * stride_;
        for (Index f = 0; f < rows_.n_features; ++f) out[f] = fits ? static_cast<float>(values_[size(f)]) : 0.0F;
    }

    // Far inside the range of float, and with a direction where that is needed.
    [[nodiscard]] bool in_range(const RowMeasure& measure) const {
        const bool directed = surrogate_.metric != Metric::cosine || measure.input_norm2 >= kMinCosineNorm2;
        return measure.usable() && directed && measure.norm2 < 0x1p100
               && (measure.norm2 > 0x1p-100 || measure.norm2 == 0);
    }

    // Appends the length of the rest; returns the error of the columns.
    double finish(std::size_t r, float* columns) const {
        const RowMeasure& measure = measures_[r];
        float& rest = columns[projection_.n_directions];
        if (!in_range(measure)) {
            rest = 0;
            return std::numeric_limits<double>::infinity();
        }
        double along2 = 0;
        for (Index d = 0; d < projection_.n_directions; ++d) along2 += double{columns[d]} * double{columns[d]};
        const double tail = std::sqrt(std::max(measure.norm2 - along2, 0.0));
        rest = static_cast<float>(tail);
        const double norm = std::sqrt(measure.norm2);
        const auto chain = static_cast<double>(core::chain_length(surrogate_.n_features) + 3);
        // Of the coordinates: sums and the rounding of both factors to float32.
        const double sums = std::sqrt(static_cast<double>(projection_.n_directions)) * 1.01 * chain * kUnit * norm;
        // Of the squared length of what is left, and of the length.
        const double square = (1.01 * projection_.defect + 0x1p-40) * measure.norm2 + (2 * norm + sums) * sums;
        const double length = tail * std::sqrt(square) > square ? square / tail : std::sqrt(square);
        const double direction = surrogate_.metric == Metric::cosine ? 0x1p-40 : 0; // rounding of the normalisation
        return 1.01 * (sums + length + kUnit * tail + (projection_.defect + 0x1p-40) * norm + direction + 0x1p-100);
    }

    const Rows& rows_;
    const Surrogate& surrogate_;
    const Projection& projection_;
    const float* groups_;
    Index n_groups_;
    std::vector<double> values_;
    Index stride_; // as in pack.hpp
    std::vector<float> row_major_;
    core::AlignedVector<float> panel_;
    core::AlignedVector<float> bias_;
    core::AlignedVector<float> partial_;
    std::vector<RowMeasure> measures_;
    Index unusable_ = -1; // the first of this thread's rows
};

// `columns`: (n_rows, n_columns), `errors`: (n_rows), infinite for a row that has no columns. Returns the first row that cannot be
// searched, or -1.
inline Index project(
    const Rows& rows, const Surrogate& surrogate, const Projection& projection, float* columns, double* errors,
    const core::Execution& execution
) {
    const Index n_panels = core::ceil_div(rows.n_rows, RowProjector::kRows);
    const auto groups = basis_groups(projection, surrogate.n_features);
    std::vector<RowProjector> projectors(
        static_cast<std::size_t>(core::team_size(n_panels, execution)),
        RowProjector(rows, surrogate, projection, groups.data())
    );
    core::parallel_for(n_panels, execution, [&](Index panel, int thread, core::LoopControl&) {
        const Index first = panel * RowProjector::kRows;
        projectors[static_cast<std::size_t>(thread)].project(
            first, columns + first * projection.n_columns(), errors + first
        );
    });
    Index unusable = -1;
    for (const RowProjector& projector : projectors) {
        const Index own = projector.unusable();
        if (own >= 0 && (unusable < 0 || own < unusable)) unusable = own;
    }
    return unusable;
}

} // namespace deeprob::knn
