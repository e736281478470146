// Where the bounds cannot tell most rows of a panel apart, they are looked at together in float32. Canonical distances of many
// that are left are computed together, too: the rows become doubles once, and queries that want the same rows share a register
// tile of sums.
#pragma once

#include "knn/candidates.hpp"
#include "knn/float_look.hpp"
#include "knn/pack.hpp"

#include <bit>

namespace deeprob::knn {

class PanelRefinement {
  public:
    static constexpr Index kLanes = core::kPanelRows<float>;
    // A query that wants fewer of a panel's rows than this is served better by lists,
    static constexpr int kFewRows = kLanes / 4;
    // and leaves when that came up so many times more often than not.
    static constexpr std::uint8_t kPatience = 8;

    PanelRefinement(Metric metric, Index n_queries, Index n_features)
        : metric_(metric), width_(core::round_up(n_features, kCanonicalLanes)), patience_(size(n_queries)),
          wanted_(size(n_queries)), rows_(size(kLanes * width_)), queries_(size(kTileLeft * width_)) {}

    void clear() {
        std::ranges::fill(patience_, 0);
        n_wanted_ = 0;
    }
    [[nodiscard]] bool has(Index query) const { return patience_[size(query)] != 0; }
    void enter(Index query) { patience_[size(query)] = kPatience; }

    // Member `query` wants the lanes `rows` of the panel at hand.
    void want(Index query, std::uint32_t rows) {
        wanted_[size(n_wanted_++)] = {rows, static_cast<std::uint32_t>(query)};
        std::uint8_t& patience = patience_[size(query)];
        patience = std::popcount(rows) < kFewRows ? patience - 1 : std::min<std::uint8_t>(patience + 1, kPatience);
    }

    // Computes the canonical sums that were wanted, and perhaps others of the same panel. For every query, give(query, lanes, key)
    // gets the lanes whose key may be below limit_of(query), and key(lane). row_of(lane) is a row of `train`, query_of(query) one
    // of `queries`. Returns the number of sums.
    template <class RowOf, class QueryOf, class LimitOf, class Give>
    Index serve(
        const Rows& train, const Rows& queries, FloatLook& look, const RowOf& row_of, const QueryOf& query_of,
        const LimitOf& limit_of, const Give& give
    ) {
        if (n_wanted_ == 0) return 0;
        const std::span<Wanted> all{wanted_.data(), size(n_wanted_)};
        n_wanted_ = 0;
        for (Wanted& w : all) {
            const double limit = limit_of(w.query);
            if (!(limit < kNoNeighbor.key) || !look.is_worth()) continue;
            w.rows = looked(look, query_of(w.query), w.rows, limit, row_of);
        }
        const auto few = std::ranges::partition(all, [](const Wanted& w) { return std::popcount(w.rows) >= kFewRows; });
        Index n_keys = together(train, queries, all.first(all.size() - few.size()), row_of, query_of, limit_of, give);
        for (const Wanted& w : few) {
            if (w.rows != 0) n_keys += list(train, queries, w, row_of, query_of, give);
        }
        return n_keys;
    }

  private:
    struct Wanted {
        std::uint32_t rows;
        std::uint32_t query;
        [[nodiscard]] std::uint64_t order() const { return std::uint64_t{rows} << 32 | query; }
    };

    static std::size_t size(Index n) { return static_cast<std::size_t>(n); }

    [[nodiscard]] bool load(const Rows& from, Index row, double* out) const {
        std::fill(out + from.n_features, out + width_, 0.0);
        return canonical_row(metric_, from, row, out);
    }

    // Those of the lanes whose key may be `limit` or less.
    template <class RowOf>
    static std::uint32_t looked(FloatLook& look, Index query, std::uint32_t lanes, double limit, const RowOf& row_of) {
        Index rows[kLanes];
        Index lane_of[kLanes];
        std::size_t n = 0;
        for (std::uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
            lane_of[n] = std::countr_zero(rest);
            rows[n] = row_of(lane_of[n]);
            ++n;
        }
        std::uint32_t kept = 0;
        look.load(query);
        look.look({rows, n}, limit, [&](std::size_t r) { kept |= std::uint32_t{1} << lane_of[r]; });
        return kept;
    }

    // Of queries that want many of the rows; returns how many sums it took.
    template <class RowOf, class QueryOf, class LimitOf, class Give>
    Index together(
        const Rows& train, const Rows& queries, std::span<Wanted> wanted, const RowOf& row_of, const QueryOf& query_of,
        const LimitOf& limit_of, const Give& give
    ) {
        // Queries that want the same rows come together.
        std::ranges::sort(wanted, {}, &Wanted::order);
        std::uint32_t any = 0;
        for (const Wanted& w : wanted) any |= w.rows;
        for (std::uint32_t rest = any; rest != 0; rest &= rest - 1) {
            const Index lane = std::countr_zero(rest);
            row_directed_[lane] = load(train, row_of(lane), rows_.data() + lane * width_);
        }
        Index n_keys = 0;
        for (std::size_t first = 0; first < wanted.size(); first += kTileLeft) {
            const auto part = wanted.subspan(first, std::min<std::size_t>(kTileLeft, wanted.size() - first));
            std::uint32_t lanes = 0;
            for (std::size_t q = 0; q < part.size(); ++q) {
                lanes |= part[q].rows;
                double* values = queries_.data() + static_cast<Index>(q) * width_;
                query_directed_[q] = load(queries, query_of(part[q].query), values);
            }
            with_terms(metric_, [&]<class Terms> { compute<Terms>(lanes); });
            for (std::size_t q = 0; q < part.size(); ++q) {
                const auto key = [&](Index lane) {
                    return key_of_sum(metric_, sums_[q][lane], query_directed_[q] && row_directed_[lane]);
                };
                give(part[q].query, lanes & promising(sums_[q], limit_of(part[q].query)), key);
            }
            n_keys += std::popcount(lanes) * std::ssize(part);
        }
        return n_keys;
    }

    // Of one query with few rows; returns their number.
    template <class RowOf, class QueryOf, class Give>
    Index list(
        const Rows& train, const Rows& queries, const Wanted& wanted, const RowOf& row_of, const QueryOf& query_of,
        const Give& give
    ) {
        Index rows[kLanes];
        double keys[kLanes];
        std::size_t n = 0;
        for (std::uint32_t rest = wanted.rows; rest != 0; rest &= rest - 1) rows[n++] = row_of(std::countr_zero(rest));
        const Index id = query_of(wanted.query);
        const bool directed = load(queries, id, queries_.data());
        const CanonicalQuery query{queries_.data(), directed, bytes_of_query(queries, id, train)};
        canonical_keys(metric_, query, train, {rows, n}, keys);
        give(wanted.query, wanted.rows, [&](Index lane) {
            return keys[std::popcount(wanted.rows & ((std::uint32_t{1} << lane) - 1))];
        });
        return static_cast<Index>(n);
    }

    // Lanes whose key may be below the limit: spares the square roots of the others.
    [[nodiscard]] std::uint32_t promising(const double* sums, double limit) const {
        if (metric_ != Metric::euclidean) return ~std::uint32_t{0};
        return core::below<kLanes>(sums, largest_square_of(limit));
    }

    // Sums of the loaded queries with the loaded rows `lanes`.
    template <class Terms> void compute(std::uint32_t lanes) {
        const double* left[kTileLeft];
        for (Index q = 0; q < kTileLeft; ++q) left[q] = queries_.data() + q * width_;
        while (lanes != 0) {
            Index lane[kTileRight];
            const double* right[kTileRight];
            for (Index r = 0; r < kTileRight; ++r) {
                // A tile that is not full repeats its last row.
                lane[r] = lanes == 0 ? lane[r - 1] : std::countr_zero(lanes);
                right[r] = rows_.data() + lane[r] * width_;
                lanes &= lanes - 1;
            }
            double sums[kTileLeft * kTileRight];
            canonical_tile<Terms>(left, right, width_, sums);
            for (Index q = 0; q < kTileLeft; ++q) {
                for (Index r = 0; r < kTileRight; ++r) {
                    sums_[q][lane[r]] = sums[q * kTileRight + r];
                }
            }
        }
    }

    Metric metric_;
    Index width_;
    std::vector<std::uint8_t> patience_; // of the members; 0: of others
    std::vector<Wanted> wanted_;
    Index n_wanted_ = 0;
    core::AlignedVector<double> rows_;
    core::AlignedVector<double> queries_;
    bool row_directed_[kLanes] = {};
    bool query_directed_[kTileLeft] = {};
    double sums_[kTileLeft][kLanes] = {};
};

} // namespace deeprob::knn
