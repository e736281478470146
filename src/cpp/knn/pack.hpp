// Rows and queries into the layouts of core/tile.hpp, as centred rows. What becomes of one row is the packer's business.
#pragma once

#include "core/borrowed.hpp"
#include "core/parallel.hpp"
#include "knn/positions.hpp"
#include "knn/rounding.hpp"

#include <limits>

namespace deeprob::knn {

// The packed training rows, by position.
template <class T> struct Packed {
    using Bound = std::conditional_t<std::is_const_v<T>, const float, float>;
    T* panels;    // (n_panels, depth, kPanelRows)
    T* bias;      // (n_panels * kPanelRows); the lowest value beyond the last row
    Bound* norm;  // (n_panels), the largest RowBound::norm of each panel
    Bound* slack; // (n_panels), the largest RowBound::slack
};

struct PackReport {
    Index unusable_row = -1; // the first row with NaN, infinity or values whose squares overflow
    double largest_norm = 0;
    bool integral = true;
};

// The smaller of two rows, of which the first may be none.
inline Index first_of(Index row, Index other) { return row < 0 ? other : std::min(row, other); }

// Reads a row as doubles, padded with zeros, less the center.
inline RowMeasure load_centred(const Rows& from, Index row, const Centering& centering, double* values) {
    row_as_double(from, row, values);
    std::fill(values + from.n_features, values + centering.padded_features(), 0.0);
    return center_row(centering, values);
}

template <class T> struct PackedRow {
    RowMeasure measure;
    RowBound<T> bound;
};

// Centred rows in floating point.
template <class T> class DensePacker {
  public:
    using Value = T;
    using Measure = RowMeasure;
    static constexpr T kLowest = -std::numeric_limits<T>::infinity();

    explicit DensePacker(core::Borrowed<Centering> centering) : centering_(centering), bounds_(centering) {}

    [[nodiscard]] const Centering& centering() const { return centering_; }
    [[nodiscard]] Index depth() const { return centering_.n_features; }
    // `values`: a buffer for a row as doubles.
    PackedRow<T> row(const Rows& from, Index id, double* values, T* out) const {
        const RowMeasure measure = load_centred(from, id, centering_, values);
        const RowBound<double> bound = bounds_.row(measure);
        if (!std::isinf(bound.bias)) scale(values, out);
        return {measure, {static_cast<T>(bound.bias), bound.norm, bound.slack}};
    }
    // Queries without a centering stay zeros.
    RowMeasure query(const Rows& from, Index id, double* values, T* out) const {
        const RowMeasure measure = load_centred(from, id, centering_, values);
        if (measure.filterable(centering_)) scale(values, out);
        return measure;
    }

  private:
    const Centering& centering_;
    void scale(const double* centred, T* out) const {
        for (Index f = 0; f < centering_.n_features; ++f) out[f] = static_cast<T>(centred[f] * centering_.scale);
    }

    FilterBounds bounds_;
};

// Centred rows in bytes, four to a word.
class IntegerPacker {
  public:
    using Value = std::int32_t;
    using Measure = IntegerMeasure;
    static constexpr std::int32_t kLowest = std::numeric_limits<std::int32_t>::min();

    explicit IntegerPacker(core::Borrowed<Centering> centering)
        : centering_(centering), bounds_(centering, centering->n_features), row_rounder_(centering, kByteOffset),
          query_rounder_(centering, 0) {}

    [[nodiscard]] const Centering& centering() const { return centering_; }
    [[nodiscard]] Index depth() const { return n_words(centering_.n_features); }
    PackedRow<std::int32_t> row(const Rows& from, Index id, double* values, std::int32_t* out) const {
        const IntegerMeasure measure = round(from, id, row_rounder_, true, values, out);
        return {measure.row, bounds_.row(measure)};
    }
    IntegerMeasure query(const Rows& from, Index id, double* values, std::int32_t* out) const {
        return round(from, id, query_rounder_, centering_.metric == Metric::manhattan, values, out);
    }

  private:
    // In float32 where that serves, else in float64.
    IntegerMeasure round(
        const Rows& from, Index id, const RowRounder& rounder, bool is_unsigned, double* values, std::int32_t* out
    ) const {
        auto* bytes = reinterpret_cast<std::int8_t*>(out);
        Rounded rounded;
        if (RowRounder::serves(centering_.metric)) rounded = rounder.round(from, id, nullptr, bytes);
        IntegerMeasure measure{{0, rounded.norm2, 0, 0, 1}, rounded.square, rounded.sum, rounded.residual};
        if (!rounded.in_range()) {
            measure = round_to_bytes(centering_, load_centred(from, id, centering_, values), values, bytes);
            if (is_unsigned) make_unsigned(out);
        }
        return measure;
    }
    // The padding too.
    void make_unsigned(std::int32_t* words) const {
        auto* bytes = reinterpret_cast<std::int8_t*>(words);
        const Index n_bytes = 4 * depth(); // not asked for again: bytes may alias anything
        const Index offset = byte_range(centering_.metric).offset;
        for (Index f = 0; f < n_bytes; ++f) bytes[f] = static_cast<std::int8_t>(bytes[f] + offset);
    }

    const Centering& centering_;
    IntegerBounds bounds_;
    RowRounder row_rounder_;
    RowRounder query_rounder_;
};

// One thread's scratch.
template <class Packer> struct PackScratch {
    using Value = typename Packer::Value;
    std::vector<double> values; // a row, padded with zeros
    // The rows of a panel before they are transposed lie an odd number of cache lines apart, so that they do not share a set.
    Index stride;
    std::vector<Value> rows;

    explicit PackScratch(const Packer& packer)
        : values(static_cast<std::size_t>(packer.centering().padded_features())),
          stride(core::round_up(packer.depth(), 32) + 16),
          rows(static_cast<std::size_t>(core::kPanelRows<Value> * stride)) {}
};

// Asks for the row at a position some rows ahead, which may lie anywhere.
inline void fetch_row(const Rows& train, const Positions& positions, Index position) {
    constexpr Index kMostBytes = 2048; // the hardware follows from there
    if (position >= positions.size()) return;
    const std::byte* row = train.data + positions.row(position) * train.stride;
    const Index n_bytes = std::min(train.stride, kMostBytes);
    for (Index b = 0; b < n_bytes; b += 64) core::prefetch(row + b);
}

template <class Packer, class T = typename Packer::Value>
PackReport pack_panel(
    const Rows& train, const Positions& positions, const Packer& packer, Index panel, const Packed<T>& packed,
    PackScratch<Packer>& scratch
) {
    constexpr Index kRows = core::kPanelRows<T>;
    constexpr Index kAhead = 4;
    PackReport report;
    std::ranges::fill(scratch.rows, T{0});
    double norm = 0;
    double slack = 0;
    for (Index r = 0; r < kRows; ++r) {
        const Index position = panel * kRows + r;
        if (position >= positions.size()) {
            packed.bias[position] = Packer::kLowest;
            continue;
        }
        const Index id = positions.row(position);
        fetch_row(train, positions, position + kAhead);
        const auto [measure, bound] =
            packer.row(train, id, scratch.values.data(), scratch.rows.data() + r * scratch.stride);
        if (!measure.usable()) report.unusable_row = first_of(report.unusable_row, id);
        report.integral = report.integral && measure.integral();
        report.largest_norm = std::max(report.largest_norm, std::sqrt(measure.norm2));
        packed.bias[position] = bound.bias;
        norm = std::max(norm, bound.norm);
        slack = std::max(slack, bound.slack);
    }
    const Index depth = packer.depth();
    T* out = packed.panels + panel * kRows * depth;
    for (Index f = 0; f < depth; ++f) {
        const T* in = scratch.rows.data() + f;
        for (Index r = 0; r < kRows; ++r) out[f * kRows + r] = in[r * scratch.stride];
    }
    packed.norm[panel] = rounded_up(norm);
    packed.slack[panel] = rounded_up(slack);
    return report;
}

template <class Packer, class T = typename Packer::Value>
PackReport pack(
    const Rows& train, const Positions& positions, const Packer& packer, const Packed<T>& packed,
    const core::Execution& execution
) {
    const Index n_panels = core::ceil_div(positions.size(), core::kPanelRows<T>);
    std::vector<PackScratch<Packer>> scratch(
        static_cast<std::size_t>(core::team_size(n_panels, execution)), PackScratch<Packer>(packer)
    );
    std::vector<PackReport> reports(static_cast<std::size_t>(n_panels));
    core::parallel_for(n_panels, execution, [&](Index panel, int thread, core::LoopControl&) {
        reports[static_cast<std::size_t>(panel)] =
            pack_panel(train, positions, packer, panel, packed, scratch[static_cast<std::size_t>(thread)]);
    });
    PackReport total;
    for (const PackReport& report : reports) {
        if (report.unusable_row >= 0) total.unusable_row = first_of(total.unusable_row, report.unusable_row);
        total.largest_norm = std::max(total.largest_norm, report.largest_norm);
        total.integral = total.integral && report.integral;
    }
    return total;
}

// Packs queries [first, last), at most kTileQueries of them, into one tile.
template <class Packer, class T = typename Packer::Value>
void pack_tile(
    const Rows& queries, Index first, Index last, const Packer& packer, PackScratch<Packer>& scratch, T* tile,
    typename Packer::Measure* measures
) {
    std::fill_n(tile, packer.depth() * core::kTileQueries, T{0});
    for (Index q = first; q < last; ++q) {
        std::fill_n(scratch.rows.data(), packer.depth(), T{0});
        measures[q - first] = packer.query(queries, q, scratch.values.data(), scratch.rows.data());
        T* out = tile + (q - first);
        const T* in = scratch.rows.data();
        for (Index f = 0; f < packer.depth(); ++f) out[f * core::kTileQueries] = in[f];
    }
}

// Packs all queries; returns the first that cannot be searched, or -1.
template <class Packer, class T = typename Packer::Value>
Index pack_queries(
    const Rows& queries, const Packer& packer, T* query_tiles, typename Packer::Measure* measures,
    const core::Execution& execution
) {
    const Index n_tiles = core::ceil_div(queries.n_rows, core::kTileQueries);
    std::vector<PackScratch<Packer>> scratch(
        static_cast<std::size_t>(core::team_size(n_tiles, execution)), PackScratch<Packer>(packer)
    );
    core::parallel_for(n_tiles, execution, [&](Index tile, int thread, core::LoopControl&) {
        const Index first = tile * core::kTileQueries;
        pack_tile(
            queries, first, std::min(first + core::kTileQueries, queries.n_rows), packer,
            scratch[static_cast<std::size_t>(thread)], query_tiles + first * packer.depth(), measures + first
        );
    });
    const auto* const end = measures + queries.n_rows;
    const auto* const bad =
        std::find_if(measures, measures + queries.n_rows, [](const auto& m) { return !m.usable(); });
    return bad == end ? -1 : bad - measures;
}

} // namespace deeprob::knn
