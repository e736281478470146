// The stages of a prefix. Each has some of the columns that a projection makes, and the length of all that is left as one more,
// the rest, which counts in this stage only: distances over the columns of the first stages and the rest of the last of these are
// never longer than those between the rows (docs/exactness.md). Columns are rounded to bytes, those of a later stage in finer
// units. A finer stage also has the second slice of the columns of the stage before, what their bytes are short of, in its units;
// of products of two slices, those of two second ones are left out, which makes distances a little shorter. The rest, which is
// larger than other columns, becomes four bytes of half its length: as far apart, in twice the range.
#pragma once

#include "core/stages.hpp"
#include "knn/byte_rows.hpp"

#include <array>
#include <vector>

namespace deeprob::knn {

inline constexpr Index kMaxStages = 4;
// Sums of products stay below 2^28 for so many columns, each counted as often as the units of the last stage fit into its own.
inline constexpr double kMaxWeight = 8192;
// Sums that no limit lets pass, and limits that let pass every sum, or none: no difference of them overflows.
inline constexpr std::int32_t kLowestBias = -(1 << 30);
inline constexpr double kWidestLimit = 0x1p29;

// What the bounds need to know of a row or a query, up to a stage, in the units of its columns.
struct StageMeasure {
    double square = 0;   // sum of X^2, the rest included
    double sum = 0;      // of X
    double residual = 0; // norm of the columns less X, rounded up; infinite if they say nothing
};

class Stages {
  public:
    // `ends`: how many directions the stages up to each have. `scales`: what brings columns into bytes, each a power of two times
    // the one before. `center`: of each column.
    Stages(std::span<const Index> ends, std::span<const double> scales, std::span<const double> center, Index n_panels)
        : ends_(ends), scales_(scales), center_(center), stages_(ends.size()) {
        Index rows = 0;
        Index queries = 0;
        for (Index s = 0; s < n_stages(); ++s) {
            core::Stage& stage = stages_[size(s)];
            const int finer = s == 0 ? 0 : shift(s);
            const Index n_slices = finer > 0 ? 2 * n_words(n_directions(s - 1)) : 0;
            stage = {n_words(n_directions(s)) + n_slices, finer, rows, queries};
            rows += n_panels * stage.panel_words();
            queries += stage.tile_words();
            n_bytes_ += 4 * (stage.n_words + 1);
        }
        tile_words_ = queries;
    }

    [[nodiscard]] Index n_stages() const { return std::ssize(ends_); }
    [[nodiscard]] Index n_directions(Index s) const { return ends_[size(s)] - (s == 0 ? 0 : ends_[size(s - 1)]); }
    [[nodiscard]] Index n_columns() const { return ends_.back() + n_stages(); }
    // Columns of the first stage.
    [[nodiscard]] Index n_first() const { return ends_.front() + 1; }
    [[nodiscard]] double weight() const {
        double sum = 0;
        for (Index s = 0; s < n_stages(); ++s) {
            const double ratio = scales_.back() / scale(s);
            sum += ratio * ratio * static_cast<double>(4 * stages_[size(s)].n_words + 4);
        }
        return sum;
    }
    [[nodiscard]] double scale(Index s) const { return scales_[size(s)]; }
    [[nodiscard]] std::span<const core::Stage> stages() const { return stages_; }
    [[nodiscard]] Index tile_words() const { return tile_words_; }
    // Of a row: the words of all stages, each with its rest.
    [[nodiscard]] Index n_bytes() const { return n_bytes_; }

    // Rounds the columns of a row whose columns are off by `error`, stage after stage; `measures`: of each stage.
    template <ByteRole kRole>
    void round(const float* columns, double error, std::int8_t* bytes, StageMeasure* measures) const {
        const double* center = center_.data();
        StageMeasure settled; // columns of the stages before; its residual squared
        double norm2 = 0;     // of the columns, in the units of the stage
        for (Index s = 0; s < n_stages(); ++s) {
            const double finer = std::ldexp(1.0, stages_[size(s)].shift);
            settled = {settled.square * finer, settled.sum * finer, settled.residual * finer};
            norm2 *= finer;
            const Index n = n_directions(s);
            const Index padded = 4 * n_words(n);
            StageMeasure own;
            std::fill_n(bytes, 4 * (stages_[size(s)].n_words + 1), std::int8_t{0});
            for (Index c = 0; c < n; ++c) bytes[c] = round_one((double{columns[c]} - center[c]) * scale(s), own, norm2);
            bytes += padded;
            if (s > 0) {
                // The columns of the stage before, and the rest behind them, were the last.
                bytes = refine<kRole>(
                    s, columns - n_directions(s - 1) - 1, center - n_directions(s - 1) - 1, bytes, settled
                );
            }
            double with_rest2 = norm2;
            StageMeasure rest;
            for (Index b = 0; b < 4; ++b) {
                *bytes++ = round_one((double{columns[n]} - center[n]) * scale(s) / 2, rest, with_rest2);
            }
            const double residual2 = settled.residual + own.residual + rest.residual;
            const double rounding = kResidualRounding * std::sqrt(with_rest2);
            measures[s] = {
                settled.square + own.square + rest.square, settled.sum + own.sum + rest.sum,
                std::sqrt(residual2) * (1 + kResidualRounding) + rounding + scale(s) * error
            };
            columns += n + 1;
            center += n + 1;
        }
    }

  private:
    static std::size_t size(Index n) { return static_cast<std::size_t>(n); }

    // Products of columns grow with the square of their scale.
    [[nodiscard]] int shift(Index s) const { return 2 * std::ilogb(scale(s) / scale(s - 1)); }

    // In this order no number becomes a limit, too.
    static double to_byte(double value) {
        constexpr auto kLimit = static_cast<double>(core::kByteLimit);
        return std::max(-kLimit, std::min(kLimit, std::rint(value)));
    }

    // Adds the columns of stage s - 1, as two slices if stage s is finer, to what is settled. Writes the slices; returns where they end.
    template <ByteRole kRole>
    std::int8_t* refine(
        Index s, const float* columns, const double* center, std::int8_t* bytes, StageMeasure& settled
    ) const {
        const Index n = n_directions(s - 1);
        const double finer = std::ldexp(1.0, stages_[size(s)].shift);
        const Index slice = finer > 1 ? 4 * n_words(n) : 0;
        std::int8_t* const first = bytes + (kRole == ByteRole::query ? slice : 0);
        std::int8_t* const second = bytes + (kRole == ByteRole::query ? 0 : slice);
        for (Index c = 0; c < n; ++c) {
            const double value = (double{columns[c]} - center[c]) * scale(s - 1);
            const double high = to_byte(value);
            const double low = slice > 0 ? to_byte((value - high) * finer) : 0;
            const double short_of = value - high - low / finer;
            settled.square += high * high * finer + 2 * high * low;
            settled.residual += short_of * short_of * finer;
            settled.sum += high * finer;
            if (slice == 0) continue;
            settled.sum += high + low;
            first[c] = static_cast<std::int8_t>(high);
            second[c] = static_cast<std::int8_t>(low);
        }
        return bytes + 2 * slice;
    }

    [[gnu::always_inline]] static std::int8_t round_one(double value, StageMeasure& measure, double& norm2) {
        const double integer = to_byte(value);
        measure.square += integer * integer;
        measure.sum += integer;
        measure.residual += (value - integer) * (value - integer);
        norm2 += value * value;
        return static_cast<std::int8_t>(integer);
    }

    std::span<const Index> ends_;
    std::span<const double> scales_;
    std::span<const double> center_;
    std::vector<core::Stage> stages_;
    Index tile_words_ = 0;
    Index n_bytes_ = 0;
};

} // namespace deeprob::knn
