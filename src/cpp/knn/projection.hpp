// Fewer columns than features: the coordinates of x - c along an orthonormal basis, and after those of each stage the length of
// what is left, as one more column. Distances between the coordinates up to a stage and the rest after it are never longer than
// those between the rows (docs/exactness.md), up to an error that is bounded for every row. The same pass over a row rounds it to
// bytes, for the second look.
#pragma once

#include "core/borrowed.hpp"
#include "core/parallel.hpp"
#include "core/transpose.hpp"
#include "knn/byte_rows.hpp"
#include "knn/rounding.hpp"

namespace deeprob::knn {

struct Projection {
    const float* basis; // (n_directions, n_features)
    Index n_directions;
    double defect;               // at least norm(B B^T - 1), B the basis
    std::span<const Index> ends; // of the stages: ascending, the last is n_directions
    [[nodiscard]] Index n_columns() const { return n_directions + std::ssize(ends); }
};

// The basis in the layout of query tiles.
inline core::AlignedVector<float> basis_tiles(const Projection& projection, Index n_features) {
    const Index n_tiles = core::ceil_div(projection.n_directions, core::kTileQueries);
    core::AlignedVector<float> query_tiles(static_cast<std::size_t>(n_tiles * core::kTileQueries * n_features));
    for (Index d = 0; d < projection.n_directions; ++d) {
        float* out =
            query_tiles.data() + d / core::kTileQueries * core::kTileQueries * n_features + d % core::kTileQueries;
        for (Index f = 0; f < n_features; ++f) out[f * core::kTileQueries] = projection.basis[d * n_features + f];
    }
    return query_tiles;
}

// The columns of some rows, and their bytes.
struct Columns {
    float* values;  // (n_rows, n_columns)
    double* errors; // of the columns; infinite for a row that has none
    ByteRowsOut bytes;
    [[nodiscard]] Columns from(Index row, Index n_columns, Index stride) const {
        return {
            values + row * n_columns,
            errors + row,
            {bytes.bytes + row * stride, bytes.squares + row, bytes.residuals + row}
        };
    }
};

class RowProjector {
  public:
    static constexpr Index kRows = core::kPanelRows<float>;

    // The scale of `centering` is that of the bytes.
    RowProjector(
        core::Borrowed<Rows> rows, core::Borrowed<Centering> centering, core::Borrowed<Projection> projection,
        const float* query_tiles, ByteRole role
    )
        : rows_(rows), centering_(centering), projection_(projection), query_tiles_(query_tiles), role_(role),
          n_tiles_(core::ceil_div(projection->n_directions, core::kTileQueries)),
          byte_stride_(byte_stride(centering->n_features)),
          rounder_(centering, role == ByteRole::query ? kByteOffset : 0),
          stride_(core::round_up(centering->n_features, 32) + 16), row_major_(size(kRows * stride_)),
          panel_(size(kRows * core::round_up(centering->n_features, core::kLanes<float>))), bias_(size(kRows)),
          partial_(size(n_tiles_ * core::kTileQueries * kRows)), rounded_(size(kRows)) {
        for (Index d = 0; d < projection->n_directions; ++d) {
            columns_.push_back(d + (std::ranges::upper_bound(projection->ends, d) - projection->ends.begin()));
        }
    }

    // Rows [first, first + kRows) that exist; `out` begins with row `first`.
    void project(Index first, const Columns& out) {
        const Index n = std::min(kRows, rows_.n_rows - first);
        for (Index r = 0; r < n; ++r) load(first + r, r, out);
        const Index padded = core::round_up(centering_.n_features, core::kLanes<float>);
        core::transpose(row_major_.data(), stride_, kRows, padded, panel_.data(), kRows);
        const Index n_columns = projection_.n_columns();
        const core::QueryBlock<float> block{query_tiles_, n_tiles_, centering_.n_features, partial_.data()};
        core::sweep_panel<core::Product>(
            block, panel_.data(), bias_.data(), [&](Index tile, const core::Accumulators<float>& sums) {
                for (Index t = 0; t < core::kTileQueries; ++t) {
                    const Index direction = tile * core::kTileQueries + t;
                    if (direction >= projection_.n_directions) break;
                    float along[kRows];
                    std::memcpy(along, sums.at[t], sizeof along);
                    float* const column = out.values + columns_[size(direction)];
                    for (Index r = 0; r < n; ++r) column[r * n_columns] = along[r];
                }
            }
        );
        for (Index r = 0; r < n; ++r) out.errors[r] = finish(rounded_[size(r)], out.values + r * n_columns);
    }
    // The first of this thread's rows that cannot be searched, or -1.
    [[nodiscard]] Index unusable() const { return unusable_; }

  private:
    static std::size_t size(Index n) { return static_cast<std::size_t>(n); }

    void load(Index id, Index r, const Columns& out) {
        float* v = row_major_.data() + r * stride_;
        std::int8_t* bytes = out.bytes.bytes + r * byte_stride_;
        Rounded& rounded = rounded_[size(r)];
        rounded = rounder_.round(rows_, id, v, bytes);
        const Index written = core::round_up(centering_.n_features, core::kLanes<float>);
        std::fill(bytes + written, bytes + byte_stride_, std::int8_t{0});
        if (!rounded.in_range()) {
            std::fill_n(v, centering_.n_features, 0.0F);
            std::fill_n(bytes, byte_stride_, std::int8_t{0});
            rounded.square = rounded.sum = 0;
            if (unusable_ < 0 && !usable(id)) unusable_ = id;
        }
        const double offset = role_ == ByteRole::query ? 0 : 2 * static_cast<double>(kByteOffset) * rounded.sum;
        out.bytes.squares[r] = core::saturated(rounded.square + offset);
        out.bytes.residuals[r] = rounded_up(rounded.residual);
    }

    [[nodiscard]] bool usable(Index id) const {
        return core::with_dtype(rows_.dtype, [&]<class T> {
            return canonical_norm2(rows_.row<T>(id), rows_.n_features) <= kMaxNorm2;
        });
    }

    // Adds the lengths of the rests; returns the error of the columns.
    double finish(const Rounded& rounded, float* columns) const {
        const double norm = std::sqrt(rounded.norm2) * 1.01;
        const auto chain = static_cast<double>(core::chain_length(centering_.n_features) + 2);
        double along2 = 0;
        double columns_error = 0;
        Index direction = 0;
        for (const Index end : projection_.ends) {
            for (; direction < end; ++direction, ++columns) along2 += double{*columns} * double{*columns};
            const double tail = rounded.in_range() ? std::sqrt(std::max(rounded.norm2 - along2, 0.0)) : 0;
            *columns++ = static_cast<float>(tail);
            // Of the coordinates: sums and the rounding of the basis to float32.
            const double sums = std::sqrt(static_cast<double>(end)) * 1.01 * chain * kUnit * norm;
            // Of the squared length of what is left, and of the length.
            const double square =
                rounded.norm2_error + (1.01 * projection_.defect + 0x1p-40) * norm * norm + (2 * norm + sums) * sums;
            const double length = tail * std::sqrt(square) > square ? square / tail : std::sqrt(square);
            columns_error = std::max(columns_error, sums + length + kUnit * tail);
        }
        if (!rounded.in_range()) return std::numeric_limits<double>::infinity();
        columns_error += (projection_.defect + 0x1p-40) * norm;
        return 1.01 * (columns_error + rounded.error + 0x1p-100);
    }

    const Rows& rows_;
    const Centering& centering_;
    const Projection& projection_;
    const float* query_tiles_;
    ByteRole role_;
    Index n_tiles_;
    Index byte_stride_;
    RowRounder rounder_;
    Index stride_; // as in pack.hpp
    std::vector<float> row_major_;
    core::AlignedVector<float> panel_;
    core::AlignedVector<float> bias_;
    core::AlignedVector<float> partial_;
    std::vector<Rounded> rounded_;
    std::vector<Index> columns_; // of each direction
    Index unusable_ = -1;
};

// Returns the first row that cannot be searched, or -1.
inline Index project(
    const Rows& rows, const Centering& centering, const Projection& projection, ByteRole role, const Columns& out,
    const core::Execution& execution
) {
    const Index n_panels = core::ceil_div(rows.n_rows, RowProjector::kRows);
    const auto query_tiles = basis_tiles(projection, centering.n_features);
    std::vector<RowProjector> projectors(
        static_cast<std::size_t>(core::team_size(n_panels, execution)),
        RowProjector(rows, centering, projection, query_tiles.data(), role)
    );
    core::parallel_for(n_panels, execution, [&](Index panel, int thread, core::LoopControl&) {
        const Index first = panel * RowProjector::kRows;
        projectors[static_cast<std::size_t>(thread)].project(
            first, out.from(first, projection.n_columns(), byte_stride(centering.n_features))
        );
    });
    Index unusable = -1;
    for (const RowProjector& projector : projectors) {
        const Index row = projector.unusable();
        if (row >= 0 && (unusable < 0 || row < unusable)) unusable = row;
    }
    return unusable;
}

} // namespace deeprob::knn
