// The prefix filter: bytes of the coordinates along principal directions, stage after stage, exclude most rows; those that pass
// are scored by their own bytes at once, while the panel's are at hand. Scores and thresholds are in the units of the rows' bytes,
// -norm(X - Y).
#pragma once

#include "core/borrowed.hpp"
#include "knn/byte_rows.hpp"
#include "knn/filters.hpp"

namespace deeprob::knn {

// Of each stage, and last of the rows' own bytes, the largest residual of the rows of a group.
struct GroupLooseness {
    std::array<float, kMaxStages + 1> slack{};
    [[nodiscard]] bool covers(const GroupLooseness& other) const { return slack == other.slack; }
};

// What a search needs to know of queries in stages.
struct StageQueries {
    const std::int32_t* tiles;
    const StageMeasure* measures; // (n_queries, n_stages)
};

class PrefixFilter {
  public:
    using Value = std::int32_t;
    using Looseness = GroupLooseness;
    static constexpr Index kSpare = 512;     // bytes of whole rows tell many apart, given time
    static constexpr Index kBlockTiles = 32; // rows in bytes are fetched once for all of them
    static constexpr Index kScratchBytes = Index{32} << 20;
    static constexpr bool kLooksTwice = true; // sums only say which rows to score

    // `centering`: of the rows, by which `rows` and `byte_queries` were rounded. `places`: where the bytes of each position lie.
    PrefixFilter(
        core::Borrowed<Stages> stages, const PackedStages& packed, const StageQueries& queries, const Groups& groups,
        core::Borrowed<Centering> centering, const ByteRows& rows, const Positions& places, const ByteRows& byte_queries
    )
        : stages_(stages), packed_(packed), queries_(queries), groups_(groups), scale_(centering->scale),
          bounds_(centering, centering->n_features), canonical_error_(bounds_.canonical_error()), rows_(rows),
          places_(places), byte_queries_(byte_queries), stride_(byte_stride(centering->n_features)),
          variation_(variation_of_errors(centering->n_features)) {}

    [[nodiscard]] static Index depth() { return 1; } // stages are swept by themselves
    [[nodiscard]] NearestGroups visits(Index n_queries, Index n_tiles, Index n_panels) const {
        return {groups_, n_queries, n_tiles, n_panels};
    }
    // In the units of the columns.
    [[nodiscard]] double reach(Index query, float threshold) const {
        return distance(threshold) / scale_ + groups_.queries.errors[query];
    }
    [[nodiscard]] static QueryBound bound(Index /*query*/) { return {}; }
    [[nodiscard]] double score_of_key(Index /*query*/, double key) const { return bounds_.score_of_distance(key); }

    [[nodiscard]] GroupLooseness looseness(Index panel) const {
        GroupLooseness loose;
        const Index group = panel / kGroupPanels;
        std::copy_n(packed_.slack + group * stages_.n_stages(), stages_.n_stages(), loose.slack.begin());
        const Index first = group * kGroupRows;
        const auto of_rows =
            std::span(rows_.residuals + first, static_cast<std::size_t>(std::min(kGroupRows, places_.size() - first)));
        loose.slack[static_cast<std::size_t>(stages_.n_stages())] = std::ranges::max(of_rows);
        return loose;
    }
    [[nodiscard]] Index n_limits() const { return stages_.n_stages() + 1; }
    void set_limits(
        Index query, const QueryBound& /*bound*/, float threshold, const GroupLooseness& group, std::int32_t* limits,
        Index apart
    ) const {
        const double farthest = distance(threshold);
        std::uint32_t before = 0;
        const Index n_stages = stages_.n_stages();
        for (Index s = 0; s < n_stages; ++s) {
            const StageMeasure& measure = queries_.measures[query * n_stages + s];
            const double reach = farthest * stages_.scale(s) / scale_ + measure.residual
                                 + double{group.slack[static_cast<std::size_t>(s)]};
            // A smaller sum is of a distance above `reach`, and infinite bounds let all pass.
            const double base = measure.square + 2 * static_cast<double>(kByteOffset) * measure.sum;
            const double least = std::max(-kWidestLimit, std::floor((base + 0.5 - reach * reach) / 2));
            const auto limit = static_cast<std::uint32_t>(static_cast<std::int32_t>(std::min(least, kWidestLimit)));
            limits[s * apart] = beyond(s, limit, before);
            before = limit;
        }
        // Of squares of distances between bytes, the most that is not above `reach`.
        const double reach =
            farthest + double{byte_queries_.residuals[query]} + double{group.slack[static_cast<std::size_t>(n_stages)]};
        limits[n_stages * apart] = core::saturated(reach * reach);
    }
    void forbid(std::span<std::int32_t> limits) const {
        const std::size_t apart = limits.size() / static_cast<std::size_t>(n_limits());
        constexpr auto kNever = static_cast<std::uint32_t>(kWidestLimit);
        for (Index s = 0; s < stages_.n_stages(); ++s) {
            std::ranges::fill(
                limits.subspan(static_cast<std::size_t>(s) * apart, apart), beyond(s, kNever, s == 0 ? 0 : kNever)
            );
        }
    }

    template <class Consume> void sweep(const Sweep<std::int32_t>& sweep, const Consume& consume) const {
        // The stages that most rows come to.
        for (const core::Stage& stage : stages_.stages().first(std::min<std::size_t>(2, stages_.stages().size()))) {
            const auto* next =
                reinterpret_cast<const char*>(packed_.words + stage.rows + (sweep.panel + 1) * stage.panel_words());
            for (Index b = 0; b < stage.panel_words() * 4; b += 64) core::prefetch(next + b);
        }
        for (const Index tile : sweep.tiles) {
            core::StageHits hits;
            const std::int32_t* query_tile = queries_.tiles + (sweep.first_tile + tile) * stages_.tile_words();
            const core::StageLimits limits{sweep.limits + tile * core::kTileQueries, sweep.limit_apart};
            if (core::sweep_stages(stages_.stages(), query_tile, packed_.words, sweep.panel, limits, hits)) {
                consume(tile, hits.of);
            }
        }
    }

    // Of the wanted rows of a panel, those within the limit by their own bytes: consume(position, score). `limits`: of the query.
    template <class Consume>
    void look_again(
        const Wanted& wanted, Index panel, const std::int32_t* limits, Index apart, const Consume& consume
    ) const {
        const auto place_of = [&](Index position) { return place(position); };
        const std::int32_t& limit = limits[stages_.n_stages() * apart];
        const Index first = panel * core::kPanelRows<Value>;
        byte_squares(byte_queries_, rows_, place_of, stride_, wanted, first, [&](Index position, std::int32_t square) {
            if (square <= limit) consume(position, -std::sqrt(std::max(static_cast<float>(square), 0.0F)));
        });
    }
    // Asks for the bytes of a row, before its distances are wanted.
    void fetch(Index position) const {
        const std::int8_t* row = rows_.bytes + place(position) * stride_;
        for (Index b = 0; b < stride_; b += 64) core::prefetch(row + b);
    }
    [[nodiscard]] float error(const QueryBound& /*bound*/, Index query, Index position, float score) const {
        constexpr float kRounding = 0x1p-20F;
        const float residuals = byte_queries_.residuals[query] + rows_.residuals[position];
        const float error = kRounding * std::abs(score) + residuals;
        return (error + canonical_error_) * (1 + kRounding);
    }
    [[nodiscard]] static bool guesses() { return true; }
    [[nodiscard]] float likely_error(const QueryBound& bound, Index query, Index position, float score) const {
        const float of_query = byte_queries_.residuals[query];
        const float of_row = rows_.residuals[position];
        const float residual2 = of_query * of_query + of_row * of_row;
        return likely_distance_error(score, error(bound, query, position, score), residual2, variation_);
    }

  private:
    // The limit of a stage, less what sums already have of the one before.
    [[nodiscard]] std::int32_t beyond(Index stage, std::uint32_t limit, std::uint32_t before) const {
        return static_cast<std::int32_t>(limit - (before << stages_.stages()[static_cast<std::size_t>(stage)].shift));
    }
    [[nodiscard]] Index place(Index position) const { return places_.row(position); }

    // The largest distance that a row may have whose score is not below the threshold, in the units of scores.
    [[nodiscard]] double distance(float threshold) const {
        return -double{threshold} * (1 + kScoreRounding) + double{canonical_error_};
    }

    const Stages& stages_;
    PackedStages packed_;
    StageQueries queries_;
    Groups groups_;
    double scale_; // of the rows' bytes
    IntegerBounds bounds_;
    float canonical_error_;
    ByteRows rows_;
    Positions places_;
    ByteRows byte_queries_;
    Index stride_;
    float variation_;
};

static_assert(Filter<PrefixFilter>);

} // namespace deeprob::knn
