// The full matrix of distances between two sets of rows, tile by tile, in T. Where the norm expansion would cancel, or T cannot
// hold what it adds up, the canonical distance replaces it, so that equal rows have distance 0 and near ones keep their digits.
#pragma once

#include "core/borrowed.hpp"
#include "knn/pack.hpp"
#include "knn/wide.hpp"

namespace deeprob::knn {

// Sums of less may have lost what T cannot hold.
template <class T> inline constexpr double kSmallestSum = std::is_same_v<T, float> ? 0x1p-100 : 0x1p-900;

// Rows whose squares or products T may not hold count as too long for scores: the search has bounds for what is lost, but a
// distance that vanishes would be wrong.
template <class T> class PairwisePacker : public DensePacker<T> {
  public:
    using DensePacker<T>::DensePacker;
    PackedRow<T> row(const Rows& from, Index id, double* values, T* out) const {
        PackedRow<T> packed = DensePacker<T>::row(from, id, values, out);
        if (vanishes(packed.measure, values)) packed.bound.bias = std::numeric_limits<T>::infinity();
        return packed;
    }
    RowMeasure query(const Rows& from, Index id, double* values, T* out) const {
        RowMeasure measure = DensePacker<T>::query(from, id, values, out);
        if (vanishes(measure, values)) measure.norm2 = std::numeric_limits<double>::infinity();
        return measure;
    }

  private:
    [[nodiscard]] bool vanishes(const RowMeasure& row, const double* centred) const {
        const Centering& centering = this->centering();
        if (is_absolute(centering.metric) || row.norm1 == 0) return false;
        const double shrunk = std::min(1.0, centering.scale);
        if (row.norm2 * shrunk * shrunk < kSmallestSum<T>) return true;
        // A product may come from the smallest elements alone.
        constexpr double kSmallestFactor = 0x1p-500;
        return centering.metric == Metric::inner_product && shrunk < 1
               && std::any_of(
                   centred, centred + centering.n_features,
                   [&](double x) { return x != 0 && std::abs(x) * shrunk < kSmallestFactor; }
               );
    }
};

template <class T> struct PairwiseInput {
    Rows x;
    Rows y;
    Packed<const T> packed; // of y
    [[nodiscard]] bool symmetric() const {
        return x.data == y.data && x.stride == y.stride && x.n_rows == y.n_rows && x.dtype == y.dtype;
    }
};

// How a score becomes a distance: offset + factor * score, and when not to trust it: score > near + near_bias * bias.
template <class T> struct ScoreToDistance {
    T offset;
    T factor;
    T near;
    T near_bias;
};

// Squared distances below 1/8 of |x|^2 + |y|^2 are recomputed: above, the expansion loses three bits.
template <class T> ScoreToDistance<T> score_to_distance(const Centering& centering, const RowMeasure& query) {
    constexpr double kNear = 0.125;
    const double square = centering.scale * centering.scale;
    const T always = -std::numeric_limits<T>::infinity();
    const bool fits = query.filterable(centering);
    if (is_euclidean(centering.metric)) {
        const double near = 0.5 * (1 - kNear) * query.norm2 * square;
        const double part = centering.metric == Metric::cosine ? 0.5 : 1; // of the squared distance
        return {
            static_cast<T>(part * query.norm2), static_cast<T>(part * -2 / square),
            fits ? static_cast<T>(near) : always, static_cast<T>(kNear)
        };
    }
    if (is_absolute(centering.metric)) {
        const auto near = static_cast<T>(-kSmallestSum<T>);
        return {0, static_cast<T>(-1 / centering.scale), fits ? near : always, 0};
    }
    // No cancellation to mend; rows that do not fit have an infinite score and are recomputed.
    const T never = fits ? std::numeric_limits<T>::max() : always;
    const double with_center = query.center_product + centering.center_norm2;
    return {static_cast<T>(with_center), static_cast<T>(1 / square), never, 0};
}

template <class T> class PairwiseBlock {
  public:
    static constexpr Index kTiles = 16;
    static constexpr Index kQueries = kTiles * core::kTileQueries;

    PairwiseBlock(core::Borrowed<PairwiseInput<T>> input, core::Borrowed<Centering> centering)
        : input_(input), centering_(centering), packer_(centering), scratch_(packer_),
          other_(size(centering->n_features)), packed_(size(kQueries * centering->n_features)),
          partial_(size(kQueries * core::kPanelRows<T>)), measures_(size(kQueries)), maps_(size(kQueries)) {}

    // Returns the first query that has no distances, or -1.
    Index load(Index begin, Index end) {
        Index unusable = -1;
        first_query_ = begin;
        n_queries_ = end - begin;
        n_tiles_ = core::ceil_div(n_queries_, core::kTileQueries);
        for (Index tile = 0; tile < n_tiles_; ++tile) {
            const Index first = tile * core::kTileQueries;
            pack_tile(
                input_.x, begin + first, std::min(begin + first + core::kTileQueries, end), packer_, scratch_,
                packed_.data() + first * centering_.n_features, measures_.data() + first
            );
        }
        for (Index q = 0; q < n_queries_; ++q) {
            const bool finite = measures_[size(q)].usable() || is_finite(input_.x, begin + q, scratch_.values.data());
            if (!finite && unusable < 0) unusable = begin + q;
            maps_[size(q)] = score_to_distance<T>(centering_, measures_[size(q)]);
        }
        return unusable;
    }

    // Distances of the block's queries to the rows of one panel; `out` is the block's first row of the result.
    void compute(Index panel, T* out, Index out_stride) {
        if (centering_.metric == Metric::manhattan) {
            sweep<core::NegativeAbsoluteDifference>(panel, out, out_stride);
        } else if (centering_.metric == Metric::chebyshev) {
            sweep<core::NegativeLargestDifference>(panel, out, out_stride);
        } else {
            sweep<core::Product>(panel, out, out_stride);
        }
    }

  private:
    static std::size_t size(Index n) { return static_cast<std::size_t>(n); }

    template <class Step> void sweep(Index panel, T* out, Index out_stride) {
        constexpr Index kRows = core::kPanelRows<T>;
        const core::QueryBlock<T> block{packed_.data(), n_tiles_, centering_.n_features, partial_.data()};
        core::sweep_panel<Step>(
            block, input_.packed.panels + panel * kRows * centering_.n_features, input_.packed.bias + panel * kRows,
            [&](Index tile, const core::Accumulators<T>& sums) {
                for (Index t = 0; t < core::kTileQueries; ++t) {
                    const Index q = tile * core::kTileQueries + t;
                    if (q < n_queries_) write(q, panel, sums.at[t], out + q * out_stride);
                }
            }
        );
    }

    [[gnu::always_inline]] void write(Index q, Index panel, const core::Vector<T>* scores, T* out) {
        constexpr Index kWidth = core::kLanes<T>;
        const Index first = panel * core::kPanelRows<T>;
        const ScoreToDistance<T>& map = maps_[size(q)];
        alignas(64) T distances[core::kPanelRows<T>];
        std::uint32_t near = 0;
        for (Index v = 0; v < core::kTileVectors; ++v) {
            // An infinite bias marks a row that T cannot hold, centred; its infinite score exceeds any limit.
            const core::Vector<T> bias = core::load(input_.packed.bias + first + v * kWidth);
            const auto limit = map.near + (bias < 0 ? bias : core::Vector<T>{}) * map.near_bias;
            near |= core::greater(scores[v], limit) << (v * kWidth);
            // But for the smallest of negative differences, in which it is lost.
            if (centering_.metric == Metric::chebyshev) near |= core::greater(bias, core::Vector<T>{}) << (v * kWidth);
            core::store(distances + v * kWidth, scores[v] * map.factor + map.offset);
        }
        if (centering_.metric == Metric::euclidean) {
            for (T& distance : distances) distance = std::sqrt(std::max(distance, T{0}));
        }
        const Index n = std::min(core::kPanelRows<T>, input_.y.n_rows - first);
        std::memcpy(out + first, distances, size(n) * sizeof(T));
        if (near != 0) [[unlikely]] {
            recompute(q, first, near, out);
        }
    }

    [[gnu::noinline]] void recompute(Index q, Index first, std::uint32_t lanes, T* out) {
        Index rows[core::kPanelRows<T>];
        double keys[core::kPanelRows<T>];
        std::size_t n = 0;
        for (; lanes != 0; lanes &= lanes - 1) rows[n++] = first + std::countr_zero(lanes);
        const bool directed = canonical_row(centering_.metric, input_.x, first_query_ + q, scratch_.values.data());
        const CanonicalQuery query{scratch_.values.data(), directed};
        canonical_keys(centering_.metric, query, input_.y, {rows, n}, keys);
        for (std::size_t i = 0; i < n; ++i) {
            double distance = distance_of_key(centering_.metric, keys[i]);
            if (!in_range(centering_.metric, distance)) {
                row_as_double(input_.y, rows[i], other_.data());
                distance = wide_distance(centering_.metric, query.values, other_.data(), input_.y.n_features);
            }
            out[rows[i]] = static_cast<T>(distance);
        }
    }

    const PairwiseInput<T>& input_;
    const Centering& centering_;
    PairwisePacker<T> packer_;
    PackScratch<PairwisePacker<T>> scratch_;
    Index first_query_ = 0;
    Index n_queries_ = 0;
    Index n_tiles_ = 0;
    std::vector<double> other_; // a row of y
    core::AlignedVector<T> packed_;
    core::AlignedVector<T> partial_;
    std::vector<RowMeasure> measures_;
    std::vector<ScoreToDistance<T>> maps_;
};

// Of rows [begin, end) with all rows, copies what lies above the diagonal to below it.
// `stopped()` is asked now and then: memory that is written for the first time may take long.
template <class T, class Stopped>
void mirror(T* out, Index stride, Index begin, Index end, Index n, const Stopped& stopped) {
    constexpr Index kColumns = 64; // of a block of rows, they stay in the first-level cache or the second
    for (Index first = begin; first < n && !stopped(); first += kColumns) {
        for (Index column = first; column < std::min(first + kColumns, n); ++column) {
            T* below = out + column * stride;
            for (Index row = begin; row < std::min(end, column); ++row) below[row] = out[row * stride + column];
        }
    }
}

// Fills `out`, (n_x, n_y); of a matrix that is symmetric, one half is computed. Returns the first row of x that has no distances,
// or -1.
template <class T>
Index pairwise(
    const PairwiseInput<T>& input, const Centering& centering, T* out, Index out_stride,
    const core::Execution& execution
) {
    const Index n_x = input.x.n_rows;
    const bool symmetric = input.symmetric();
    // Even blocks in a multiple of the threads; those of a symmetric matrix have whole panels above the diagonal.
    constexpr Index kMost = PairwiseBlock<T>::kQueries;
    const Index wanted = core::round_up(core::ceil_div(n_x, kMost), std::max(1, execution.n_threads));
    const Index even = core::round_up(core::ceil_div(n_x, std::max<Index>(wanted, 1)), core::kTileQueries);
    const Index block = symmetric ? kMost / core::kPanelRows<T> * core::kPanelRows<T> : std::min(even, kMost);
    const Index n_blocks = core::ceil_div(n_x, std::max<Index>(block, 1));
    const Index n_panels = core::ceil_div(input.y.n_rows, core::kPanelRows<T>);
    const auto n_threads = static_cast<std::size_t>(core::team_size(n_blocks, execution));
    std::vector<PairwiseBlock<T>> blocks(n_threads, PairwiseBlock<T>(input, centering));
    std::vector<Index> unusable(static_cast<std::size_t>(n_blocks), -1);
    core::parallel_for(n_blocks, execution, [&](Index task, int thread, core::LoopControl& control) {
        PairwiseBlock<T>& work = blocks[static_cast<std::size_t>(thread)];
        const Index begin = task * block;
        const Index end = std::min(begin + block, n_x);
        unusable[static_cast<std::size_t>(task)] = work.load(begin, end);
        for (Index panel = symmetric ? begin / core::kPanelRows<T> : 0; panel < n_panels; ++panel) {
            if (control.stopped(thread)) return;
            work.compute(panel, out + begin * out_stride, out_stride);
        }
        if (symmetric) mirror(out, out_stride, begin, end, n_x, [&] { return control.stopped(thread); });
    });
    for (const Index bad : unusable) {
        if (bad >= 0) return bad;
    }
    return -1;
}

// The first rows that have no distances, or -1.
struct PairwiseReport {
    Index unusable_x = -1;
    Index unusable_y = -1;
};

// Fills `out` with the distances of all rows of x and y, whichever way y must be packed for it.
template <class T>
PairwiseReport pairwise_distances(
    const Rows& x, const Rows& y, const Centering& centering, T* out, Index out_stride, const core::Execution& execution
) {
    const Index n_panels = core::ceil_div(y.n_rows, core::kPanelRows<T>);
    const auto n_positions = static_cast<std::size_t>(n_panels * core::kPanelRows<T>);
    core::AlignedVector<T> panels(n_positions * static_cast<std::size_t>(y.n_features));
    core::AlignedVector<T> bias(n_positions);
    std::vector<float> bounds(2 * static_cast<std::size_t>(n_panels));
    const Packed<T> packed{panels.data(), bias.data(), bounds.data(), bounds.data() + n_panels};
    const auto report = pack(y, Positions({}, y.n_rows), PairwisePacker<T>(centering), packed, execution);
    std::vector<double> values(static_cast<std::size_t>(y.n_features));
    for (Index row = report.unusable_row; row >= 0 && row < y.n_rows; ++row) {
        if (!is_finite(y, row, values.data())) return {-1, row};
    }
    const PairwiseInput<T> input{x, y, {panels.data(), bias.data(), packed.norm, packed.slack}};
    return {pairwise(input, centering, out, out_stride, execution), -1};
}

} // namespace deeprob::knn
