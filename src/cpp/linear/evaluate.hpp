// Scores of examples, and the losses and accuracies of any number of classifiers in one pass over them.
#pragma once

#include "core/parallel.hpp"
#include "linear/block.hpp"
#include "linear/loss.hpp"

namespace deeprob::linear {

// The weights of all classifiers pass by once for each block: large blocks where these are many.
inline constexpr Index kEvaluationBlockBytes = Index{1024} * 1024;
inline constexpr Index kManyClassifiers = 16;

template <class T> Shape evaluation_shape(Index n_classes, Index stride, Index n_rows, Index n_classifiers) {
    return shape_of<T>(n_classes, stride, n_rows, kEvaluationBlockBytes * (n_classifiers < kManyClassifiers ? 1 : 4));
}

// Calls consume(block, classifier, scores of the block (n_classes, block_rows), its rows) for every block of rows and every
// classifier of `weights`, which lie classifier after classifier.
template <class T, class Consume>
void for_each_block(
    const Examples<T>& examples, const Shape& shape, const T* weights, Index n_classifiers,
    const core::Execution& execution, const Consume& consume
) {
    const Index n_rows = examples.rows.n_rows;
    const Index n_blocks = shape.n_blocks(n_rows);
    struct Room {
        Block<T> block;
        core::AlignedVector<T> scores;
    };
    std::vector<Room> rooms;
    for (int t = core::team_size(n_blocks, execution); t > 0; --t) {
        rooms.push_back(
            {Block<T>(shape),
             core::AlignedVector<T>(static_cast<std::size_t>(shape.n_scores() + Block<T>::scratch_size(shape)))}
        );
    }
    core::parallel_for(n_blocks, execution, [&](Index b, int thread, core::LoopControl& control) {
        Room& room = rooms[static_cast<std::size_t>(thread)];
        const Range rows = part(n_rows, n_blocks, b);
        const Range slices{0, n_slices(shape.stride)};
        room.block.load(examples, {nullptr, rows.begin, rows.size()}, slices);
        for (Index h = 0; h < n_classifiers && !control.stopped(thread); ++h) {
            T* scores = room.scores.data();
            const T* classifier = weights + h * shape.n_classes * shape.stride;
            room.block.score(classifier, slices, rows.size(), scores, scores + shape.n_scores());
            consume(b, h, scores, rows);
        }
    });
}

// out: (n_rows, n_classes), rows out_stride apart.
template <class T>
void scores_of_rows(
    const Examples<T>& examples, const T* weights, Index n_classes, T* out, Index out_stride,
    const core::Execution& execution
) {
    const Shape shape = evaluation_shape<T>(n_classes, column_stride(examples.n_columns()), examples.rows.n_rows, 1);
    for_each_block<T>(examples, shape, weights, 1, execution, [&](Index, Index, const T* scores, Range rows) {
        for (Index r = 0; r < rows.size(); ++r) {
            T* row = out + (rows.begin + r) * out_stride;
            for (Index c = 0; c < n_classes; ++c) row[c] = scores[c * shape.block_rows + r];
        }
    });
}

// Weighted means over the examples, one for each classifier: losses without penalties, and accuracies.
template <class T>
void evaluate(
    const Examples<T>& examples, const std::vector<Loss>& losses, const T* weights, Index n_classes,
    double* mean_losses, double* accuracies, const core::Execution& execution
) {
    const auto n_classifiers = static_cast<Index>(losses.size());
    const Index n_rows = examples.rows.n_rows;
    const Shape shape = evaluation_shape<T>(n_classes, column_stride(examples.n_columns()), n_rows, n_classifiers);
    struct Sums {
        double loss = 0;
        double correct = 0;
    };
    std::vector<Sums> sums(static_cast<std::size_t>(shape.n_blocks(n_rows) * n_classifiers));
    for_each_block<T>(examples, shape, weights, n_classifiers, execution, [&](Index b, Index h, T* scores, Range rows) {
        Sums& sum = sums[static_cast<std::size_t>(b * n_classifiers + h)];
        for (Index first = 0; first < rows.size(); first += kLanes<T>) {
            const Index n = std::min(kLanes<T>, rows.size() - first);
            std::int64_t labels[kLanes<T>] = {};
            std::copy_n(examples.labels + rows.begin + first, n, labels);
            const Scores<T> lanes{scores + first, shape.block_rows, n_classes, labels};
            const std::uint32_t correct = predicted(lanes);
            double row_losses[kLanes<T>];
            losses[static_cast<std::size_t>(h)].differentiate(lanes, row_losses);
            for (Index r = 0; r < n; ++r) {
                const double weight = examples.weights == nullptr ? 1 : examples.weights[rows.begin + first + r];
                sum.loss += weight * row_losses[r];
                sum.correct += (correct >> r & 1) != 0 ? weight : 0;
            }
        }
    });
    double weight = 0;
    for (Index i = 0; i < n_rows; ++i) weight += examples.weights == nullptr ? 1 : examples.weights[i];
    for (Index h = 0; h < n_classifiers; ++h) {
        Sums total;
        for (Index b = 0; b < shape.n_blocks(n_rows); ++b) {
            total.loss += sums[static_cast<std::size_t>(b * n_classifiers + h)].loss;
            total.correct += sums[static_cast<std::size_t>(b * n_classifiers + h)].correct;
        }
        mean_losses[h] = total.loss / weight;
        accuracies[h] = total.correct / weight;
    }
}

} // namespace deeprob::linear
