// The features of one block of examples, cut into slices of columns, and the scores that come from them.
#pragma once

#include "linear/examples.hpp"
#include "linear/products.hpp"

namespace deeprob::linear {

inline constexpr Index kMaxLanes = 16;
inline constexpr Index kMaxBlockRows = 1024;

struct Shape {
    Index n_classes;
    Index stride;
    Index block_rows; // a multiple of kMaxLanes

    [[nodiscard]] Index n_blocks(Index n_rows) const { return std::max<Index>(1, core::ceil_div(n_rows, block_rows)); }
    [[nodiscard]] Index n_scores() const { return n_classes * block_rows; }
};

// Blocks whose features and scores fit into `budget` bytes.
template <class T> Shape shape_of(Index n_classes, Index stride, Index n_rows, Index budget) {
    const auto bytes_per_row = (stride + 3 * n_classes) * static_cast<Index>(sizeof(T));
    const Index most = std::min(kMaxBlockRows, core::round_up(std::max<Index>(n_rows, 1), kMaxLanes));
    return {n_classes, stride, std::clamp(budget / bytes_per_row / kMaxLanes * kMaxLanes, kMaxLanes, most)};
}

template <class T> class Block {
  public:
    explicit Block(const Shape& shape)
        : shape_(shape), features_(static_cast<std::size_t>(shape.block_rows * shape.stride)) {}

    // (rows, width of the slice)
    [[nodiscard]] T* slice_features(Index s) {
        return features_.data() + slice(shape_.stride, s).begin * shape_.block_rows;
    }

    // How many scores `halves` of `score` must have room for.
    [[nodiscard]] static Index room_for_halves(const Shape& shape) {
        return (std::bit_width(static_cast<std::size_t>(n_slices(shape.stride))) - 1) * shape.n_scores();
    }

    void load(const Examples<T>& examples, const Selection& rows, Range slices) {
        for (Index s = slices.begin; s < slices.end; ++s) {
            const Index width = slice(shape_.stride, s).size();
            T* x = slice_features(s);
            load_block(examples, rows, slice(shape_.stride, s), x);
            std::fill(x + rows.n_rows * width, x + padded(rows.n_rows) * width, T{0});
        }
    }

    // What the slices contribute to the scores, (n_classes, block_rows). Slices are added as the leaves of a binary tree whose
    // branches the threads of a team share, so that sums do not depend on them.
    void score(const T* weights, Range slices, Index n_rows, T* out, T* halves) {
        if (slices.size() == 1) {
            const Range columns = slice(shape_.stride, slices.begin);
            slice_scores(
                slice_features(slices.begin), padded(n_rows), columns.size(), weights + columns.begin, shape_.stride,
                shape_.n_classes, out, shape_.block_rows
            );
            return;
        }
        const Index middle = slices.begin + slices.size() / 2;
        score(weights, {slices.begin, middle}, n_rows, out, halves);
        score(weights, {middle, slices.end}, n_rows, halves, halves + shape_.n_scores());
        add(halves, shape_.n_scores(), out);
    }

  private:
    static Index padded(Index n_rows) { return core::round_up(n_rows, kScoreRows<T>); }

    static void add(const T* __restrict more, Index n, T* __restrict sum) {
        for (Index i = 0; i < n; ++i) sum[i] += more[i];
    }

    Shape shape_;
    core::AlignedVector<T> features_;
};

} // namespace deeprob::linear
