// The columns of rows and queries into the layout of core/stages.hpp. Rows are packed in groups of panels, and each group lies in
// a ball: no row of it is farther from its center than its radius, as the first stage tells distances.
#pragma once

#include "core/borrowed.hpp"
#include "core/parallel.hpp"
#include "knn/positions.hpp"
#include "knn/stages.hpp"

namespace deeprob::knn {

inline constexpr Index kGroupPanels = 8;
inline constexpr Index kGroupRows = kGroupPanels * core::kPanelRows<std::int32_t>;

// The columns of some rows, and how far they are off; infinite for a row that has none.
struct PrefixColumns {
    const float* values; // (n_rows, n_columns)
    Index n_columns;
    const double* errors;
    [[nodiscard]] const float* row(Index i) const { return values + i * n_columns; }
};

// Packed training rows.
template <class Word, class Number> struct PackedStagesOf {
    Word* words;     // (n_panels, of each stage)
    Number* slack;   // (n_groups, n_stages): the largest residual of the group
    Number* centers; // (columns of the first stage, n_groups)
    Number* radii;   // (n_groups)
};
using PackedStages = PackedStagesOf<const std::int32_t, const float>;
using PackedStagesOut = PackedStagesOf<std::int32_t, float>;

class GroupPacker {
  public:
    // `order`: the rows of all positions from `first_position` on.
    GroupPacker(
        const PrefixColumns& columns, core::Borrowed<Stages> stages, core::Borrowed<Positions> order,
        const PackedStagesOut& out, Index first_position, Index n_groups
    )
        : columns_(columns), stages_(stages), order_(order), out_(out), first_group_(first_position / kGroupRows),
          n_groups_(n_groups), bytes_(static_cast<std::size_t>(stages->n_bytes())),
          center_(static_cast<std::size_t>(stages->n_first())) {}

    // Group number `group` of those that are packed now.
    void pack(Index group) {
        const Index first = group * kGroupRows;
        const Index n_rows = std::min(kGroupRows, order_.size() - first);
        double slack[kMaxStages] = {};
        for (Index r = 0; r < core::round_up(n_rows, core::kPanelRows<std::int32_t>); ++r) {
            StageMeasure measures[kMaxStages];
            const bool exists = r < n_rows;
            std::ranges::fill(bytes_, std::int8_t{0});
            if (exists) {
                const Index row = order_.row(first + r);
                stages_.round<ByteRole::training_row>(columns_.row(row), columns_.errors[row], bytes_.data(), measures);
                for (Index s = 0; s < stages_.n_stages(); ++s) {
                    slack[s] = std::max(slack[s], measures[s].residual);
                }
            }
            write((first_group_ + group) * kGroupRows + r, exists, measures);
        }
        for (Index s = 0; s < stages_.n_stages(); ++s) {
            out_.slack[(first_group_ + group) * stages_.n_stages() + s] = rounded_up(slack[s]);
        }
        enclose(group, first, n_rows);
    }

  private:
    void write(Index position, bool exists, const StageMeasure* measures) {
        constexpr Index kRows = core::kPanelRows<std::int32_t>;
        const Index panel = position / kRows;
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(bytes_.data());
        std::uint32_t before = 0;
        for (Index s = 0; s < stages_.n_stages(); ++s) {
            const core::Stage& stage = stages_.stages()[static_cast<std::size_t>(s)];
            std::int32_t* out = out_.words + stage.rows + panel * stage.panel_words() + position % kRows;
            for (Index w = 0; w <= stage.n_words; ++w, bytes += 4, out += kRows) {
                std::uint8_t shifted[4];
                for (int b = 0; b < 4; ++b) {
                    shifted[b] = static_cast<std::uint8_t>(bytes[b] + (exists ? kByteOffset : 0));
                }
                std::memcpy(out, shifted, 4);
            }
            // What sums already have of the stage before is taken back.
            const auto bias =
                static_cast<std::uint32_t>(exists ? -static_cast<std::int32_t>(measures[s].square / 2) : kLowestBias);
            *out = static_cast<std::int32_t>(bias - (before << stage.shift));
            before = bias;
        }
    }

    void enclose(Index group, Index first, Index n_rows) {
        std::ranges::fill(center_, 0.0);
        for (Index r = 0; r < n_rows; ++r) {
            const float* row = columns_.row(order_.row(first + r));
            for (std::size_t c = 0; c < center_.size(); ++c) center_[c] += double{row[c]};
        }
        for (double& c : center_) c = double{static_cast<float>(c / static_cast<double>(n_rows))};
        double radius = 0;
        for (Index r = 0; r < n_rows; ++r) {
            const Index id = order_.row(first + r);
            double distance2 = 0;
            for (std::size_t c = 0; c < center_.size(); ++c) {
                const double difference = double{columns_.row(id)[c]} - center_[c];
                distance2 += difference * difference;
            }
            radius = std::max(radius, std::sqrt(distance2) * (1 + 0x1p-40) + columns_.errors[id]);
        }
        for (std::size_t c = 0; c < center_.size(); ++c) {
            out_.centers[static_cast<Index>(c) * n_groups_ + first_group_ + group] = static_cast<float>(center_[c]);
        }
        out_.radii[first_group_ + group] = rounded_up(radius);
    }

    PrefixColumns columns_;
    const Stages& stages_;
    const Positions& order_;
    PackedStagesOut out_;
    Index first_group_;
    Index n_groups_;
    std::vector<std::int8_t> bytes_; // of a row
    std::vector<double> center_;
};

// Packs rows as positions from `first_position` on, the first of a group; `n_groups`: of all rows.
inline void pack_groups(
    const PrefixColumns& columns, const Positions& order, const Stages& stages, const PackedStagesOut& out,
    Index first_position, Index n_groups, const core::Execution& execution
) {
    const Index n_now = core::ceil_div(order.size(), kGroupRows);
    std::vector<GroupPacker> packers(
        static_cast<std::size_t>(core::team_size(n_now, execution)),
        GroupPacker(columns, stages, order, out, first_position, n_groups)
    );
    core::parallel_for(n_now, execution, [&](Index group, int thread, core::LoopControl&) {
        packers[static_cast<std::size_t>(thread)].pack(group);
    });
}

// Packs queries; `measures`: (n_queries, n_stages).
inline void pack_stage_tiles(
    const PrefixColumns& columns, Index n_queries, const Stages& stages, std::int32_t* query_tiles,
    StageMeasure* measures, const core::Execution& execution
) {
    const Index n_tiles = core::ceil_div(n_queries, core::kTileQueries);
    const Index n_bytes = stages.n_bytes();
    std::vector<std::int8_t> buffers(
        static_cast<std::size_t>(core::team_size(n_tiles, execution)) * static_cast<std::size_t>(n_bytes)
    );
    core::parallel_for(n_tiles, execution, [&](Index tile, int thread, core::LoopControl&) {
        std::int32_t* out = query_tiles + tile * stages.tile_words();
        std::fill_n(out, stages.tile_words(), 0);
        std::int8_t* const bytes = buffers.data() + thread * n_bytes;
        const Index first = tile * core::kTileQueries;
        for (Index q = first; q < std::min(first + core::kTileQueries, n_queries); ++q) {
            stages.round<ByteRole::query>(columns.row(q), columns.errors[q], bytes, measures + q * stages.n_stages());
            // The words of all stages follow one another in a tile as in a row.
            for (Index w = 0; w < n_bytes / 4; ++w) {
                std::memcpy(out + w * core::kTileQueries + q - first, bytes + 4 * w, 4);
            }
        }
    });
}

} // namespace deeprob::knn
