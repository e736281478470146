// Rows of few features in the leaves of a tree of bounding boxes. A leaf holds kLeafRows rows, so that vectors of rows yield
// canonical sums at once; a node has kFanOut children, so that vectors of boxes do. The shape of the tree follows from the
// number of rows alone: child c of node j is number kFanOut * j + c of the level below.
#pragma once

#include "knn/canonical.hpp"

#include <array>
#include <stdexcept>

namespace deeprob::knn {

inline constexpr Index kMaxBoxFeatures = 12;
inline constexpr Index kFanOut = 16;
inline constexpr Index kLeafRows = 32;
// Rows are numbered in 32 bits.
inline constexpr Index kMaxBoxRows = (Index{1} << 31) - 1;

// Calls f.template operator()<width>() with the smallest of a few widths that holds `n_features`. Features that are zero in
// rows and queries change no sum.
template <class F> decltype(auto) with_width(Index n_features, F&& f) {
    if (n_features <= 1) return f.template operator()<1>();
    if (n_features <= 2) return f.template operator()<2>();
    if (n_features <= 3) return f.template operator()<3>();
    if (n_features <= 4) return f.template operator()<4>();
    if (n_features <= 6) return f.template operator()<6>();
    if (n_features <= 8) return f.template operator()<8>();
    if (n_features <= 10) return f.template operator()<10>();
    if (n_features <= kMaxBoxFeatures) return f.template operator()<kMaxBoxFeatures>();
    throw std::logic_error("too many features for boxes");
}

struct BoxShape {
    static constexpr int kMaxLevels = 7; // kFanOut to that power exceeds kMaxBoxRows / kLeafRows

    Index n_rows;
    Index width; // features of a row, padded
    Index n_leaves;
    int n_levels = 0;                                // of nodes; the last is the root
    std::array<Index, kMaxLevels + 1> first_node{0}; // of each level, the lowest first

    BoxShape(Index n_rows, Index n_features)
        : n_rows(n_rows), width(with_width(n_features, []<Index kWidth> { return kWidth; })),
          n_leaves(core::ceil_div(n_rows, kLeafRows)) {
        assert(n_rows > 0 && n_rows <= kMaxBoxRows);
        Index n_nodes = n_leaves;
        do {
            n_nodes = core::ceil_div(n_nodes, kFanOut);
            const auto level = static_cast<std::size_t>(n_levels);
            first_node[level + 1] = first_node[level] + n_nodes;
            ++n_levels;
        } while (n_nodes > 1);
    }
    [[nodiscard]] Index node(int level, Index number) const {
        return first_node[static_cast<std::size_t>(level)] + number;
    }
    // How many nodes or leaves the nodes of a level have for children.
    [[nodiscard]] Index n_children(int level) const {
        return level == 0 ? n_leaves : node(level, 0) - node(level - 1, 0);
    }
    // How many of them belong to one node.
    [[nodiscard]] Index n_children_of(int level, Index number) const {
        return std::min(kFanOut, n_children(level) - number * kFanOut);
    }
    [[nodiscard]] Index n_nodes() const { return node(n_levels, 0); }
    [[nodiscard]] Index leaf_size() const { return kLeafRows * width; }
    [[nodiscard]] Index node_size() const { return 2 * kFanOut * width; }
};

// T is float, which holds every other supported type but double exactly, or double.
template <class T> struct BoxTree {
    using Row = std::conditional_t<std::is_const_v<T>, const std::int32_t, std::int32_t>;
    T* values; // (n_leaves, width, kLeafRows); NaN beyond the last row
    Row* rows; // (n_leaves, kLeafRows): training rows
    T* boxes;  // (n_nodes, width, 2, kFanOut): smallest and largest values of the children; NaN beyond the last
};

// A row as doubles, exactly. Faster than row_as_double for few features.
inline void few_as_double(const Rows& rows, Index i, double* out) {
    core::with_dtype(rows.dtype, [&]<class T> {
        if constexpr (std::is_same_v<T, core::Half>) {
            row_as_double(rows, i, out);
        } else {
            const T* row = rows.row<T>(i);
            for (Index f = 0; f < rows.n_features; ++f) out[f] = static_cast<double>(row[f]);
        }
    });
}

// The canonical sum, as Terms join them, of terms that are numbers, or vectors of numbers that belong to several rows: term(f) is that of feature f.
// Partial sums without a term are +0 and change nothing.
template <Index kWidth, class Terms = Added, class Term>
[[gnu::always_inline]] inline auto canonical_sum(const Term& term) {
    static_assert(kWidth <= 2 * kCanonicalLanes);
    constexpr Index kSums = std::min(kWidth, kCanonicalLanes);
    decltype(term(Index{0})) sums[kSums];
#pragma GCC unroll 8
    for (Index l = 0; l < kSums; ++l) sums[l] = term(l);
#pragma GCC unroll 8
    for (Index l = 0; l < kWidth - kCanonicalLanes; ++l) sums[l] = Terms::join(sums[l], term(kCanonicalLanes + l));
#pragma GCC unroll 3
    for (Index half = kCanonicalLanes / 2; half > 0; half /= 2) {
#pragma GCC unroll 4
        for (Index l = 0; l < half; ++l) {
            if (l + half < std::min(kSums, 2 * half)) sums[l] = Terms::join(sums[l], sums[l + half]);
        }
    }
    return sums[0];
}

// Sums of a query with the rows of a leaf, in the order of the canonical ones.
template <class Terms, Index kWidth, class T>
[[gnu::always_inline]] inline void leaf_sums(const T* query, const T* leaf, T* sums) {
    for (Index r = 0; r < kLeafRows; r += core::kLanes<T>) {
        core::store(sums + r, canonical_sum<kWidth, Terms>([&](Index f) {
                        return Terms::term(core::broadcast(query[f]), core::load(leaf + f * kLeafRows + r));
                    }));
    }
}

// Sums of a query with the nearest point of each child's box. No row in a box has a smaller sum: its differences are no
// smaller, and rounding to nearest, in both after the same operations, keeps that order.
template <class Terms, Index kWidth, class T>
[[gnu::always_inline]] inline void box_sums(const T* query, const T* boxes, T* sums) {
    for (Index c = 0; c < kFanOut; c += core::kLanes<T>) {
        core::store(sums + c, canonical_sum<kWidth, Terms>([&](Index f) {
                        const auto x = core::broadcast(query[f]);
                        const auto low = core::load(boxes + 2 * f * kFanOut + c);
                        const auto high = core::load(boxes + (2 * f + 1) * kFanOut + c);
                        const auto raised = x > low ? x : low;
                        return Terms::term(x, raised < high ? raised : high);
                    }));
    }
}

// Bit i of the result says whether sums[i] <= limit; false where it is NaN.
template <Index kCount, class T> std::uint32_t within(const T* sums, T limit) {
    static_assert(kCount <= 32 && kCount % core::kLanes<T> == 0);
    std::uint32_t mask = 0;
    for (Index i = 0; i < kCount; i += core::kLanes<T>) {
        mask |= core::at_most(core::load(sums + i), core::broadcast(limit)) << i;
    }
    return mask;
}

} // namespace deeprob::knn
