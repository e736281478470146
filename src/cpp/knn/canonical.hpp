// The canonical distance: what "exact" means here. In float64, straight from the inputs, for the cosine from their directions:
// eight partial sums, the one numbered l over the features l, l + 8, l + 16, ... in ascending order, without fused multiply-add,
// then added as ((0+4) + (2+6)) + ((1+5) + (3+7)). The same bits on every instruction set; tests/reference.py has it in NumPy.
// "Sum" stands for the largest term, too, where the metric takes that.
#pragma once

#include "core/simd.hpp"
#include "knn/metric.hpp"

#include <span>

namespace deeprob::knn {

using core::Index;
using core::Rows;

inline constexpr Index kCanonicalLanes = 8;

// How the terms of features become one number.
struct Added {
    template <class V> static V join(V a, V b) { return a + b; }
};
struct Largest {
    template <class V> static V join(V a, V b) { return a > b ? a : b; }
};

struct SquaredDifferences : Added {
    template <class V> static V term(V a, V b) {
        const V difference = a - b;
        return difference * difference;
    }
};
struct DirectionDifferences : SquaredDifferences {}; // the rows have yet to become directions
struct AbsoluteDifferences : Added {
    template <class V> static V term(V a, V b) { return core::absolute(a - b); }
};
struct LargestDifference : Largest {
    template <class V> static V term(V a, V b) { return core::absolute(a - b); }
};
struct Products : Added {
    template <class V> static V term(V a, V b) { return a * b; }
};
struct Squares : Added {
    template <class V> static V term(V /*a*/, V b) { return b * b; }
};
inline constexpr double kScaleUp = 0x1p600;
inline constexpr double kScaleDown = 0x1p-600;
template <bool kUp> struct ScaledProducts : Added {
    template <class V> static V term(V a, V b) {
        const V scale = core::broadcast(kUp ? kScaleUp : kScaleDown);
        return (a * scale) * (b * scale);
    }
};

inline constexpr Index kCanonicalVectors = kCanonicalLanes / core::kLanes<double>;

// ((0+4) + (2+6)) + ((1+5) + (3+7)): halves are joined until one number is left.
template <class Terms> [[gnu::always_inline]] inline double join_lanes(const core::Vector<double>* lanes) {
    using Four = core::VectorTraits<double, 32>::type;
    using Two = core::VectorTraits<double, 16>::type;
    Four four[2];
    std::memcpy(four, lanes, sizeof four);
    four[0] = Terms::join(four[0], four[1]);
    Two two[2];
    std::memcpy(two, four, sizeof two);
    two[0] = Terms::join(two[0], two[1]);
    return Terms::join(two[0][0], two[0][1]);
}

// Eight features of a row, those past its end as zeros, which change no sum.
template <class T> struct Tail {
    T values[kCanonicalLanes] = {};
    Tail(const T* row, Index n) { std::memcpy(values, row, static_cast<std::size_t>(n) * sizeof(T)); }
};

struct AsItIs {
    template <class V> V operator()(Index /*row*/, V x) const { return x; }
};

// Sums of one row with kRows others at once: separate chains hide the latency of the additions. as(r, x) is what counts of
// elements x of row r.
template <class Terms, Index kRows, class Q, class T, class As = AsItIs>
void canonical_sums(const Q* query, const T* const* rows, Index n_features, double* sums, const As& as = {}) {
    constexpr Index kWidth = core::kLanes<double>;
    core::Vector<double> lanes[kRows][kCanonicalVectors] = {};
    const Index whole = n_features / kCanonicalLanes * kCanonicalLanes;
    for (Index f = 0; f < whole; f += kCanonicalLanes) {
        for (Index v = 0; v < kCanonicalVectors; ++v) {
            const auto x = core::load_as_double(query + f + v * kWidth);
            for (Index r = 0; r < kRows; ++r) {
                lanes[r][v] =
                    Terms::join(lanes[r][v], Terms::term(x, as(r, core::load_as_double(rows[r] + f + v * kWidth))));
            }
        }
    }
    if (whole < n_features) {
        const Tail<Q> query_tail(query + whole, n_features - whole);
        for (Index r = 0; r < kRows; ++r) {
            const Tail<T> row_tail(rows[r] + whole, n_features - whole);
            for (Index v = 0; v < kCanonicalVectors; ++v) {
                const auto term = Terms::term(
                    core::load_as_double(query_tail.values + v * kWidth),
                    as(r, core::load_as_double(row_tail.values + v * kWidth))
                );
                lanes[r][v] = Terms::join(lanes[r][v], term);
            }
        }
    }
    for (Index r = 0; r < kRows; ++r) sums[r] = join_lanes<Terms>(lanes[r]);
}

// The register tile of canonical sums: kTileLeft rows with kTileRight others, as many as the registers of a level hold.
inline constexpr Index kTileLeft = kCanonicalVectors == 1 ? 4 : 2;
inline constexpr Index kTileRight = 4 / kCanonicalVectors;

// sums[l * kTileRight + r], of doubles that are padded with zeros to `padded_features`, a multiple of kCanonicalLanes.
template <class Terms>
void canonical_tile(const double* const* left, const double* const* right, Index padded_features, double* sums) {
    constexpr Index kWidth = core::kLanes<double>;
    core::Vector<double> lanes[kTileLeft][kTileRight][kCanonicalVectors] = {};
    for (Index f = 0; f < padded_features; f += kCanonicalLanes) {
#pragma GCC unroll 4
        for (Index v = 0; v < kCanonicalVectors; ++v) {
            core::Vector<double> y[kTileRight];
#pragma GCC unroll 4
            for (Index r = 0; r < kTileRight; ++r) y[r] = core::load(right[r] + f + v * kWidth);
#pragma GCC unroll 4
            for (Index l = 0; l < kTileLeft; ++l) {
                const auto x = core::load(left[l] + f + v * kWidth);
#pragma GCC unroll 4
                for (Index r = 0; r < kTileRight; ++r) {
                    lanes[l][r][v] = Terms::join(lanes[l][r][v], Terms::term(x, y[r]));
                }
            }
        }
    }
    for (Index l = 0; l < kTileLeft; ++l) {
        for (Index r = 0; r < kTileRight; ++r) sums[l * kTileRight + r] = join_lanes<Terms>(lanes[l][r]);
    }
}

template <class T> double canonical_norm2(const T* row, Index n_features) {
    double sum = 0;
    canonical_sums<Products, 1>(row, &row, n_features, &sum);
    return sum;
}

// What makes a row one of length 1. Squares between the limits neither vanish nor overflow; others are of scaled elements.
struct Direction {
    double scale;   // a power of two
    double inverse; // of the norm of the scaled row; 0 for a row of zeros, which has no direction
    [[nodiscard]] bool exists() const { return inverse != 0; }
    template <class V> [[nodiscard]] V of(V x) const { return (x * core::broadcast(scale)) * core::broadcast(inverse); }
};

inline constexpr double kMinPlainNorm2 = 0x1p-500;
inline constexpr double kMaxPlainNorm2 = 0x1p500;

// `norm2`: of the row as it is.
template <class T> Direction direction_of(const T* row, Index n_features, double norm2) {
    Direction direction{1, 0};
    if (norm2 < kMinPlainNorm2) {
        direction.scale = kScaleUp;
        canonical_sums<ScaledProducts<true>, 1>(row, &row, n_features, &norm2);
    } else if (norm2 > kMaxPlainNorm2) {
        direction.scale = kScaleDown;
        canonical_sums<ScaledProducts<false>, 1>(row, &row, n_features, &norm2);
    }
    if (norm2 != 0) direction.inverse = 1 / std::sqrt(norm2);
    return direction;
}

// One query as the canonical distance reads it.
struct CanonicalQuery {
    const double* values;             // for the cosine, its direction
    bool directed = true;             // whether it has one
    const std::byte* bytes = nullptr; // the query itself, where its sums with training rows are of integers
};

// Sums of bytes of one type are integers that float64 holds exactly, in any order: 32 bits hold them for so many features.
inline constexpr Index kMaxExactFeatures = 32768;

inline const std::byte* bytes_of_query(const Rows& queries, Index i, const Rows& train) {
    const bool integers = train.dtype == core::Dtype::uint8 || train.dtype == core::Dtype::int8;
    const bool exact = integers && queries.dtype == train.dtype && train.n_features <= kMaxExactFeatures;
    return exact ? queries.data + i * queries.stride : nullptr;
}

template <class Terms, class T> double integer_sum(const T* x, const T* y, Index n_features) {
    std::int32_t sum = 0;
    for (Index f = 0; f < n_features; ++f) sum = Terms::join(sum, Terms::term(std::int32_t{x[f]}, std::int32_t{y[f]}));
    return sum;
}

template <class Terms, class T, Index kRows>
void canonical_keys_of(
    Metric metric, const CanonicalQuery& query, const T* const* rows, Index n_features, double* keys
) {
    double sums[kRows];
    if constexpr (std::is_same_v<Terms, DirectionDifferences>) {
        canonical_sums<Squares, kRows>(rows[0], rows, n_features, sums);
        Direction directions[kRows];
        bool plain = true;
        for (Index r = 0; r < kRows; ++r) {
            directions[r] = direction_of(rows[r], n_features, sums[r]);
            plain &= directions[r].scale == 1;
        }
        if (plain) { // as nearly all are: the product with a scale of 1 would be felt where many rows are refined
            const auto as = [&](Index r, auto x) { return x * core::broadcast(directions[r].inverse); };
            canonical_sums<Terms, kRows>(query.values, rows, n_features, sums, as);
        } else {
            const auto as = [&](Index r, auto x) { return directions[r].of(x); };
            canonical_sums<Terms, kRows>(query.values, rows, n_features, sums, as);
        }
        for (Index r = 0; r < kRows; ++r) {
            keys[r] = key_of_sum(metric, sums[r], query.directed && directions[r].exists());
        }
    } else {
        canonical_sums<Terms, kRows>(query.values, rows, n_features, sums);
        for (Index r = 0; r < kRows; ++r) keys[r] = key_of_sum(metric, sums[r]);
    }
}

// Calls f.template operator()<Terms>() with the terms of the metric.
template <class F> decltype(auto) with_terms(Metric metric, F&& f) {
    if (metric == Metric::cosine) return f.template operator()<DirectionDifferences>();
    if (is_euclidean(metric)) return f.template operator()<SquaredDifferences>();
    if (metric == Metric::manhattan) return f.template operator()<AbsoluteDifferences>();
    if (metric == Metric::chebyshev) return f.template operator()<LargestDifference>();
    return f.template operator()<Products>();
}

template <class Terms, class T>
void canonical_keys(
    Metric metric, const CanonicalQuery& query, const Rows& train, std::span<const Index> ids, double* keys
) {
    if constexpr (std::is_integral_v<T> && !std::is_same_v<Terms, DirectionDifferences>) {
        if (query.bytes != nullptr) {
            for (std::size_t i = 0; i < ids.size(); ++i) {
                const T* row = train.row<T>(ids[i]);
                const double sum = integer_sum<Terms>(reinterpret_cast<const T*>(query.bytes), row, train.n_features);
                keys[i] = key_of_sum(metric, sum);
            }
            return;
        }
    }
    constexpr Index kAtOnce = 4;
    constexpr Index kPrefetchBytes = 512; // the hardware follows from there
    std::size_t i = 0;
    for (; i + kAtOnce <= ids.size(); i += kAtOnce) {
        const T* rows[kAtOnce];
        for (std::size_t r = 0; r < kAtOnce; ++r) {
            rows[r] = train.row<T>(ids[i + r]);
            if (i + kAtOnce + r < ids.size()) {
                const std::byte* next = train.data + ids[i + kAtOnce + r] * train.stride;
                for (Index b = 0; b < kPrefetchBytes; b += 64) core::prefetch(next + b);
            }
        }
        canonical_keys_of<Terms, T, kAtOnce>(metric, query, rows, train.n_features, keys + i);
    }
    for (; i < ids.size(); ++i) {
        const T* row = train.row<T>(ids[i]);
        canonical_keys_of<Terms, T, 1>(metric, query, &row, train.n_features, keys + i);
    }
}

// Keys of one query with the rows `ids` of `train`.
inline void canonical_keys(
    Metric metric, const CanonicalQuery& query, const Rows& train, std::span<const Index> ids, double* keys
) {
    core::with_dtype(train.dtype, [&]<class T> {
        with_terms(metric, [&]<class Terms> { canonical_keys<Terms, T>(metric, query, train, ids, keys); });
    });
}

// A row as doubles, exactly.
inline void row_as_double(const Rows& rows, Index i, double* out) {
    core::with_dtype(rows.dtype, [&]<class T> {
        constexpr Index kWidth = core::kLanes<double>;
        const T* row = rows.row<T>(i);
        const Index n_features = rows.n_features;
        Index f = 0;
        for (; f + kWidth <= n_features; f += kWidth) core::store(out + f, core::load_as_double(row + f));
        if (f < n_features) {
            T tail[kWidth] = {};
            std::memcpy(tail, row + f, static_cast<std::size_t>(n_features - f) * sizeof(T));
            double values[kWidth];
            core::store(values, core::load_as_double(tail));
            std::memcpy(out + f, values, static_cast<std::size_t>(n_features - f) * sizeof(double));
        }
    });
}

// A row as the canonical distance reads queries; returns whether it has a direction, which matters to the cosine only.
inline bool canonical_row(Metric metric, const Rows& rows, Index i, double* out) {
    row_as_double(rows, i, out);
    if (metric != Metric::cosine) return true;
    const Direction direction = direction_of(out, rows.n_features, canonical_norm2(out, rows.n_features));
    for (Index f = 0; f < rows.n_features; ++f) out[f] = (out[f] * direction.scale) * direction.inverse;
    return direction.exists();
}

} // namespace deeprob::knn
