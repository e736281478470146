// The two products of a linear classifier on one block of rows, by this library's kernels and by Eigen, on one thread.
#include "linear/train.hpp"

#include <Eigen/Core>

#include <chrono>
#include <cmath>
#include <limits>

namespace {

using deeprob::core::AlignedVector;
using deeprob::core::Index;
using deeprob::linear::Range;
namespace linear = deeprob::linear;
using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using View = Eigen::Map<Matrix>;

template <class F> double seconds(Index repeats, const F& multiply) {
    using Clock = std::chrono::steady_clock;
    double best = std::numeric_limits<double>::infinity();
    for (Index i = 0; i < repeats; ++i) {
        const Clock::time_point start = Clock::now();
        multiply();
        best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
    }
    return best;
}

AlignedVector<float> numbers(Index n) {
    AlignedVector<float> values(static_cast<std::size_t>(n));
    std::uint32_t state = 1;
    for (float& value : values) {
        state = state * 1664525U + 1013904223U;
        value = static_cast<float>(state >> 8) * 0x1p-24F - 0.5F;
    }
    return values;
}

float difference(const AlignedVector<float>& a, const AlignedVector<float>& b) {
    float largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
    return largest;
}

} // namespace

// Of one slice of a training block, the best of so many repeats, in seconds: scores by the kernels and by Eigen, gradient by the
// kernels and by Eigen. `n_rows` and `width`: what the block has. False if the products differ.
extern "C" bool linear_products(
    Index n_classes, Index n_features, Index repeats, double* best, Index* n_rows, Index* width
) {
    Eigen::setNbThreads(1); // as the kernels' products, which leave threads to their callers
    const Index stride = linear::column_stride(n_features);
    const linear::Shape shape =
        linear::shape_of<float>(n_classes, stride, linear::kMaxBlockRows, linear::kTrainBlockBytes);
    const Index n = *n_rows = shape.block_rows;
    const Index w = *width = linear::slice(stride, 0).size();
    auto rows = numbers(n * w);
    auto weights = numbers(n_classes * w);
    const Index step = n + deeprob::core::kLanes<float>;
    AlignedVector<float> columns(static_cast<std::size_t>(step * w));
    AlignedVector<float> scratch(static_cast<std::size_t>(linear::Block<float>::scratch_size({n_classes, w, n})));
    AlignedVector<float> scores(static_cast<std::size_t>(n_classes * n));
    auto scores_by_eigen = scores;
    AlignedVector<float> gradient(static_cast<std::size_t>(n_classes * w));
    auto gradient_by_eigen = gradient;
    best[0] = seconds(repeats, [&] {
        if (shape.many_classes()) {
            deeprob::core::transpose(rows.data(), w, n, w, columns.data(), step);
            linear::transposed_scores(
                columns.data(), step, n, w, weights.data(), w, n_classes, scores.data(), n, scratch.data()
            );
        } else {
            linear::slice_scores(rows.data(), n, w, weights.data(), w, n_classes, scores.data(), n);
        }
    });
    best[1] = seconds(repeats, [&] {
        View(scores_by_eigen.data(), n_classes, n).noalias() =
            View(weights.data(), n_classes, w) * View(rows.data(), n, w).transpose();
    });
    // The coefficients of a tile of classes lie row by row.
    const auto coefficients = numbers(n * n_classes);
    Matrix by_rows(n, n_classes);
    const auto for_tiles = [&](const auto& call) {
        for (Index t = 0; t < linear::n_class_tiles(n_classes); ++t) {
            const Range classes = linear::class_tile(n_classes, t);
            call(classes, coefficients.data() + classes.begin * n);
        }
    };
    for_tiles([&](Range classes, const float* tile) {
        by_rows.middleCols(classes.begin, classes.size()) = Eigen::Map<const Matrix>(tile, n, classes.size());
    });
    best[2] = seconds(repeats, [&] {
        for_tiles([&](Range classes, const float* tile) {
            float* const out = gradient.data() + classes.begin * w;
            linear::class_product(rows.data(), w, n, w, tile, classes.size(), classes.size(), out, w, true);
        });
    });
    best[3] = seconds(repeats, [&] {
        View(gradient_by_eigen.data(), n_classes, w).noalias() = by_rows.transpose() * View(rows.data(), n, w);
    });
    return difference(scores, scores_by_eigen) < 1e-3F && difference(gradient, gradient_by_eigen) < 1e-3F;
}
