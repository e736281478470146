// Fewer columns than features: the coordinates of x - c along an orthonormal basis, and the length of what is left, as one more
// column. Distances between these columns are never longer than those between the rows (docs/exactness.md), up to an error that
// is bounded for every row. The same pass over a row rounds it to bytes, for the second look.
#pragma once

#include "core/parallel.hpp"
#include "knn/byte_rows.hpp"

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

    // The center is that of `surrogate` in float32, its scale that of the bytes.
    RowProjector(
        const Rows& rows, const Surrogate& surrogate, const Projection& projection, const float* groups, ByteRole role
    )
        : rows_(rows), surrogate_(surrogate), projection_(projection), groups_(groups), role_(role),
          n_groups_(core::ceil_div(projection.n_directions, core::kTileQueries)),
          byte_stride_(byte_stride(surrogate.n_features)), center_(size(byte_stride_)),
          stride_(core::round_up(surrogate.n_features, 32) + 16), row_major_(size(kRows * stride_)),
          panel_(size(kRows * surrogate.n_features)), bias_(size(kRows)),
          partial_(size(n_groups_ * core::kTileQueries * kRows)), centred_(size(kRows)) {
        std::ranges::transform(surrogate.center, center_.begin(), [](double c) { return static_cast<float>(c); });
    }

    // Rows [first, first + kRows) that exist; `out` begins with row `first`.
    void project(Index first, const Columns& out) {
        const Index n = std::min(kRows, rows_.n_rows - first);
        for (Index r = 0; r < n; ++r) load(first + r, r, out);
        for (Index f = 0; f < rows_.n_features; ++f) {
            const float* in = row_major_.data() + f;
            for (Index r = 0; r < kRows; ++r) panel_[size(f * kRows + r)] = in[r * stride_];
        }
        const Index n_columns = projection_.n_columns();
        const core::QueryBlock<float> block{groups_, n_groups_, surrogate_.n_features, partial_.data()};
        core::sweep_panel<core::Product>(
            block, panel_.data(), bias_.data(), [&](Index group, const core::Accumulators<float>& sums) {
                for (Index t = 0; t < core::kTileQueries; ++t) {
                    const Index direction = group * core::kTileQueries + t;
                    if (direction >= projection_.n_directions) break;
                    float along[kRows];
                    std::memcpy(along, sums.at[t], sizeof along);
                    for (Index r = 0; r < n; ++r) out.values[r * n_columns + direction] = along[r];
                }
            }
        );
        for (Index r = 0; r < n; ++r) out.errors[r] = finish(centred_[size(r)], out.values + r * n_columns);
    }
    // The first of this thread's rows that cannot be searched, or -1.
    [[nodiscard]] Index unusable() const { return unusable_; }

  private:
    using V = core::Vector<float>;

    // A row less the center, v.
    struct Centred {
        double norm2; // infinite where float32 does not hold v well enough
        double error; // of v
        double norm2_error;
    };

    static std::size_t size(Index n) { return static_cast<std::size_t>(n); }
    static double total(V v) {
        double sum = 0;
        for (Index l = 0; l < core::kLanes<float>; ++l) sum += double{v[l]};
        return sum;
    }

    void load(Index id, Index r, const Columns& out) {
        float* v = row_major_.data() + r * stride_;
        std::int8_t* bytes = out.bytes.bytes + r * byte_stride_;
        Centred& centred = centred_[size(r)];
        centred = {std::numeric_limits<double>::infinity(), 0, 0};
        const bool cosine = surrogate_.metric == Metric::cosine;
        core::with_dtype(rows_.dtype, [&]<class T> {
            const T* row = rows_.row<T>(id);
            const double norm2 = cosine ? canonical_norm2(row, rows_.n_features) : 1;
            if (norm2 >= kMinCosineNorm2) centred = round(row, 1 / std::sqrt(norm2), v, bytes, r, out.bytes);
            if (!std::isinf(centred.norm2)) return;
            std::fill_n(v, surrogate_.n_features, 0.0F);
            std::fill_n(bytes, byte_stride_, std::int8_t{0});
            out.bytes.squares[r] = 0;
            out.bytes.residuals[r] = std::numeric_limits<float>::infinity();
            const bool usable = canonical_norm2(row, rows_.n_features) <= kMaxNorm2;
            if (!usable && unusable_ < 0) unusable_ = id;
        });
    }

    // factor * x - center. Each element is off by one rounding of itself and, for a factor that is not 1, two of factor * x.
    template <class T> static V center(const T* x, double factor, const float* center) {
        if constexpr (std::is_same_v<T, double>) {
            constexpr Index kHalf = core::kLanes<double>;
            float out[2 * kHalf];
            for (Index h = 0; h < 2 * kHalf; h += kHalf) {
                core::store_as_float(out + h, core::load(x + h) * factor - core::load_as_double(center + h));
            }
            return core::load(out);
        } else {
            return core::load_as_float(x) * static_cast<float>(factor) - core::load(center);
        }
    }

    // Writes v, and its bytes with what is known of them.
    template <class T>
    Centred round(
        const T* row, double factor, float* out, std::int8_t* bytes, Index r, const ByteRowsOut& measures
    ) const {
        constexpr Index kWidth = core::kLanes<float>;
        static_assert(kMaxByteColumns / kWidth * core::kByteLimit * core::kByteLimit < (1 << 24)); // sums are exact
        const V to_integer = core::broadcast(0x1.8p23F); // adding and subtracting it rounds
        const V limit = core::broadcast(static_cast<float>(core::kByteLimit));
        const V scale = core::broadcast(static_cast<float>(surrogate_.scale));
        const V offset = core::broadcast(role_ == ByteRole::query ? static_cast<float>(kByteOffset) : 0.0F);
        V norm2{};
        V residual2{};
        V sum{};
        V square{};
        const auto step = [&](Index f, const T* x) {
            const V v = center(x, factor, center_.data() + f);
            core::store(out + f, v);
            const V value = v * scale;
            const V below = value > limit ? limit : value;
            const V clipped = below < -limit ? -limit : below;
            const V integer = (clipped + to_integer) - to_integer;
            const V rest = value - integer;
            norm2 += v * v;
            residual2 += rest * rest;
            sum += integer;
            square += integer * integer;
            core::store_as_bytes(bytes + f, integer + offset);
        };
        Index f = 0;
        for (; f + kWidth <= rows_.n_features; f += kWidth) step(f, row + f);
        if (f < rows_.n_features) {
            T tail[kWidth] = {};
            std::memcpy(tail, row + f, size(rows_.n_features - f) * sizeof(T));
            step(f, tail);
            f += kWidth;
        }
        std::fill(bytes + f, bytes + byte_stride_, static_cast<std::int8_t>(offset[0]));
        // Of float32: in each element of v, and in a sum of squares.
        const bool cosine = surrogate_.metric == Metric::cosine;
        const double chain = static_cast<double>(rows_.n_features / kWidth + kWidth + 8) * kUnit;
        Centred centred{total(norm2), 0, 0};
        // Far inside the range of float32; also false for NaN.
        const bool in_range = centred.norm2 < 0x1p100 && (centred.norm2 > 0x1p-100 || centred.norm2 == 0);
        if (!in_range) return {std::numeric_limits<double>::infinity(), 0, 0};
        const double norm = std::sqrt(centred.norm2) * (1 + chain);
        centred.error = 1.01 * kUnit * (norm + (cosine ? 2 : 0));
        centred.norm2_error = 1.01 * chain * centred.norm2;
        const double integers = role_ == ByteRole::query ? 0 : 2 * static_cast<double>(kByteOffset) * total(sum);
        measures.squares[r] = static_cast<std::int32_t>(total(square) + integers);
        // The scale and its product with v are rounded, too.
        const double rounding = surrogate_.scale * (centred.error + 2.1 * kUnit * norm);
        measures.residuals[r] = rounded_up(std::sqrt(total(residual2)) * (1 + chain) + rounding);
        return centred;
    }

    // Appends the length of the rest; returns the error of the columns.
    double finish(const Centred& centred, float* columns) const {
        float& rest = columns[projection_.n_directions];
        rest = 0;
        if (std::isinf(centred.norm2)) return centred.norm2;
        double along2 = 0;
        for (Index d = 0; d < projection_.n_directions; ++d) along2 += double{columns[d]} * double{columns[d]};
        const double tail = std::sqrt(std::max(centred.norm2 - along2, 0.0));
        rest = static_cast<float>(tail);
        const double norm = std::sqrt(centred.norm2) * 1.01;
        const auto chain = static_cast<double>(core::chain_length(surrogate_.n_features) + 2);
        // Of the coordinates: sums and the rounding of the basis to float32.
        const double sums = std::sqrt(static_cast<double>(projection_.n_directions)) * 1.01 * chain * kUnit * norm;
        // Of the squared length of what is left, and of the length.
        const double square =
            centred.norm2_error + (1.01 * projection_.defect + 0x1p-40) * norm * norm + (2 * norm + sums) * sums;
        const double length = tail * std::sqrt(square) > square ? square / tail : std::sqrt(square);
        const double columns_error = sums + length + kUnit * tail + (projection_.defect + 0x1p-40) * norm;
        return 1.01 * (columns_error + centred.error + 0x1p-100);
    }

    const Rows& rows_;
    const Surrogate& surrogate_;
    const Projection& projection_;
    const float* groups_;
    ByteRole role_;
    Index n_groups_;
    Index byte_stride_;
    std::vector<float> center_; // padded with zeros
    Index stride_;              // as in pack.hpp
    std::vector<float> row_major_;
    core::AlignedVector<float> panel_;
    core::AlignedVector<float> bias_;
    core::AlignedVector<float> partial_;
    std::vector<Centred> centred_;
    Index unusable_ = -1;
};

// Returns the first row that cannot be searched, or -1.
inline Index project(
    const Rows& rows, const Surrogate& surrogate, const Projection& projection, ByteRole role, const Columns& out,
    const core::Execution& execution
) {
    const Index n_panels = core::ceil_div(rows.n_rows, RowProjector::kRows);
    const auto groups = basis_groups(projection, surrogate.n_features);
    std::vector<RowProjector> projectors(
        static_cast<std::size_t>(core::team_size(n_panels, execution)),
        RowProjector(rows, surrogate, projection, groups.data(), role)
    );
    core::parallel_for(n_panels, execution, [&](Index panel, int thread, core::LoopControl&) {
        const Index first = panel * RowProjector::kRows;
        projectors[static_cast<std::size_t>(thread)].project(
            first, out.from(first, projection.n_columns(), byte_stride(surrogate.n_features))
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
