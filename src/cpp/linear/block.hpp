// The features of one block of examples, cut into slices of columns, and the scores that come from them.
#pragma once

#include "linear/examples.hpp"
#include "linear/products.hpp"

namespace deeprob::linear {

inline constexpr Index kRowUnit = 32; // two vectors of the widest level, in float
inline constexpr Index kMaxBlockRows = 1024;

struct Shape {
    Index n_classes;
    Index stride;
    Index block_rows; // a multiple of kRowUnit

    [[nodiscard]] bool many_classes() const { return n_classes >= kManyClasses; }

    [[nodiscard]] Index n_blocks(Index n_rows) const { return std::max<Index>(1, core::ceil_div(n_rows, block_rows)); }
    [[nodiscard]] Index n_scores() const { return n_classes * block_rows; }
};

// Blocks whose features and scores fit into `budget` bytes.
template <class T> Shape shape_of(Index n_classes, Index stride, Index n_rows, Index budget) {
    const auto bytes_per_row = (stride + 3 * n_classes) * static_cast<Index>(sizeof(T));
    const Index most = std::min(kMaxBlockRows, core::round_up(std::max<Index>(n_rows, 1), kRowUnit));
    return {n_classes, stride, std::clamp(budget / bytes_per_row / kRowUnit * kRowUnit, kRowUnit, most)};
}

template <class T> class Block {
  public:
    explicit Block(const Shape& shape)
        : shape_(shape), features_(static_cast<std::size_t>(shape.block_rows * shape.stride)),
          columns_(shape.many_classes() ? static_cast<std::size_t>(column_step() * shape.stride) : std::size_t{0}) {}

    // (rows, width of the slice)
    [[nodiscard]] const T* slice_features(Index s) const {
        return features_.data() + slice(shape_.stride, s).begin * shape_.block_rows;
    }

    // How many elements the scratch of `score` must have room for.
    [[nodiscard]] static Index scratch_size(const Shape& shape) {
        const auto levels = static_cast<Index>(std::bit_width(static_cast<std::size_t>(n_slices(shape.stride)))) - 1;
        const Index packed = core::round_up(core::kTileQueries, core::kLanes<T>) * shape.stride;
        return levels * shape.n_scores() + (shape.many_classes() ? packed : 0);
    }

    void load(const Examples<T>& examples, const Selection& rows, Range slices) {
        for (Index s = slices.begin; s < slices.end; ++s) {
            const Range columns = slice(shape_.stride, s);
            const Index width = columns.size();
            T* x = features_.data() + columns.begin * shape_.block_rows;
            load_block(examples, rows, columns, x);
            std::fill(x + rows.n_rows * width, x + padded(rows.n_rows) * width, T{0});
            if (shape_.many_classes()) {
                T* out = columns_.data() + columns.begin * column_step();
                core::transpose(x, width, padded(rows.n_rows), width, out, column_step());
            }
        }
    }

    // What the slices contribute to the scores, (n_classes, block_rows). Slices are added as the leaves of a binary tree whose
    // branches the threads of a team share, so that sums do not depend on them.
    // NOLINTNEXTLINE(misc-no-recursion): as deep as the tree, a few levels
    void score(const T* weights, Range slices, Index n_rows, T* out, T* scratch) const {
        if (slices.size() == 1) return score_slice(weights, slices.begin, n_rows, out, scratch);
        const Index middle = slices.begin + slices.size() / 2;
        score(weights, {slices.begin, middle}, n_rows, out, scratch);
        score(weights, {middle, slices.end}, n_rows, scratch, scratch + shape_.n_scores());
        add(scratch, shape_.n_scores(), out);
    }

  private:
    // From one transposed column to the next: not a power of two, lest all of them fall into the same few lines of the cache.
    [[nodiscard]] Index column_step() const { return shape_.block_rows + core::kLanes<T>; }

    [[nodiscard]] Index padded(Index n_rows) const {
        return core::round_up(n_rows, shape_.many_classes() ? core::kTileVectors * core::kLanes<T> : kScoreRows<T>);
    }

    void score_slice(const T* weights, Index s, Index n_rows, T* out, T* scratch) const {
        const Range columns = slice(shape_.stride, s);
        const T* w = weights + weight_offset(shape_.n_classes, columns, 0);
        const Index width = columns.size();
        if (shape_.many_classes()) {
            transposed_scores(
                columns_.data() + columns.begin * column_step(), column_step(), padded(n_rows), width, w, width,
                shape_.n_classes, out, shape_.block_rows, scratch
            );
        } else {
            slice_scores(slice_features(s), padded(n_rows), width, w, width, shape_.n_classes, out, shape_.block_rows);
        }
    }

    static void add(const T* __restrict more, Index n, T* __restrict sum) {
        for (Index i = 0; i < n; ++i) sum[i] += more[i];
    }

    Shape shape_;
    core::AlignedVector<T> features_; // by slices, each (block_rows, width)
    core::AlignedVector<T> columns_;  // the same transposed, (width, column_step), if there are many classes
};

} // namespace deeprob::linear
