// One pass over a batch of examples for any number of classifiers: scores, losses and gradients, block by block. Block
// after block the threads of a team do three things, with a barrier between:
//
//   1. each of its slices: load the columns, compute the scores they contribute;
//   2. its share of the rows: add up the scores, replace them by the derivatives of the loss;
//   3. each of its slices: the gradient; at the last block a consumer gets it tile by tile, while it is in the cache.
//
// The columns stay in the cache of the thread that owns the slice, and so do the weights. No matrix of scores of all examples
// exists. The classifiers of a pass share the loaded rows and nothing else: each has the bits it would have alone.
#pragma once

#include "core/borrowed.hpp"
#include "core/parallel.hpp"
#include "linear/block.hpp"
#include "linear/loss.hpp"

#include <cmath>
#include <limits>

namespace deeprob::linear {

template <class T> struct Classifier {
    const T* weights;
    T* gradient; // as the weights; used when a batch has several blocks
    Loss loss;
};

template <class T> class Pass {
  public:
    Pass(
        core::Borrowed<Examples<T>> examples, const Shape& shape, std::vector<Classifier<T>> classifiers, int n_threads
    )
        : classifiers_(std::move(classifiers)), examples_(examples), shape_(shape), n_slices_(n_slices(shape.stride)),
          block_(shape), scores_(size_of_scores() * static_cast<std::size_t>(n_threads)),
          coefficients_(size_of_scores()), losses_(classifiers_.size() * static_cast<std::size_t>(shape.block_rows)),
          sums_(classifiers_.size()), finite_(classifiers_.size()),
          tiles_(static_cast<std::size_t>(n_threads), core::AlignedVector<T>(size_of_tile())),
          scratch_(
              static_cast<std::size_t>(n_threads),
              core::AlignedVector<T>(static_cast<std::size_t>(Block<T>::scratch_size(shape)))
          ),
          ahead_(
              static_cast<std::size_t>(n_threads), std::vector<const char*>(static_cast<std::size_t>(shape.block_rows))
          ) {
        for (auto& flag : finite_) flag.store(true);
    }

    // For a pass of one classifier, whose batches are summed in different places.
    void set_gradient(T* gradient) { classifiers_[0].gradient = gradient; }

    // Whether all losses of a classifier were finite so far. A classifier whose were not takes no part any more.
    [[nodiscard]] bool finite(Index classifier) const { return finite_[static_cast<std::size_t>(classifier)].load(); }

    // Called by each thread of the team with the same batches, numbered from 0. For every classifier the consumer's
    // loss(number, classifier, weighted sum of losses, sum of weights) is called once, and gradient(number, classifier, classes,
    // slice, sum of weighted gradients, sum of weights) for every tile, a row of the slice for each of its classes. What they get
    // of a classifier that has diverged is to be ignored. False if the user interrupted.
    template <class Consumer>
    bool run(
        core::Team& team, int thread, core::LoopControl& control, Index number, const Selection& batch,
        const Selection& next, Consumer& consumer
    ) {
        double& weight = total_weight_[number % 2]; // thread 0 may begin a batch while others end the one before
        const Range slices = part(n_slices_, team.size(), thread);
        const Index n_blocks = shape_.n_blocks(batch.n_rows);
        for (Index b = 0; b < n_blocks; ++b) {
            const Selection block = block_of(batch, b);
            if (thread == 0) start_block(block, b == 0, weight, control);
            score_slices(block, slices, thread);
            team.barrier();
            if (stopped_) return false;
            differentiate(block, team, thread);
            team.barrier();
            const bool last = b + 1 == n_blocks;
            const Ahead ahead = ahead_of(thread, block.n_rows, last ? block_of(next, 0) : block_of(batch, b + 1));
            const Step step{number, block.n_rows, b == 0, last, weight, ahead};
            for (Index h = thread; h < n_classifiers(); h += team.size()) {
                const double sum = add_losses(h, block.n_rows, b == 0);
                if (last) consumer.loss(number, h, sum, weight);
            }
            for (Index s = slices.begin; s < slices.end; ++s) {
                for (Index h = 0; h < n_classifiers(); ++h) {
                    if (finite(h)) gradient_of(step, h, s, thread, consumer);
                }
            }
        }
        return true;
    }

  private:
    struct Step {
        Index number; // of the batch
        Index n_rows;
        bool first; // block of the batch
        bool last;
        double weight;
        Ahead ahead;
    };

    [[nodiscard]] Selection block_of(const Selection& batch, Index b) const {
        const Range rows = part(batch.n_rows, shape_.n_blocks(batch.n_rows), b);
        return {batch.order, batch.first + rows.begin, rows.size()};
    }

    // Rows to fetch while a block of n_rows is computed with.
    [[nodiscard]] Ahead ahead_of(int thread, Index n_rows, const Selection& next) {
        if (next.n_rows == 0) return {};
        auto& rows = ahead_[static_cast<std::size_t>(thread)];
        for (Index i = 0; i < n_rows; ++i) {
            const Index row = next[std::min(i, next.n_rows - 1)];
            rows[static_cast<std::size_t>(i)] =
                reinterpret_cast<const char*>(examples_.rows.data + row * examples_.rows.stride);
        }
        return {rows.data(), size_of(examples_.rows.dtype)};
    }

    [[nodiscard]] Index n_classifiers() const { return static_cast<Index>(classifiers_.size()); }
    [[nodiscard]] std::size_t size_of_scores() const {
        return classifiers_.size() * static_cast<std::size_t>(shape_.n_scores());
    }
    [[nodiscard]] std::size_t size_of_tile() const {
        Index widest = 0;
        for (Index s = 0; s < n_slices_; ++s) widest = std::max(widest, slice(shape_.stride, s).size());
        return static_cast<std::size_t>(core::kTileQueries * widest);
    }
    [[nodiscard]] T* scores_of(Index classifier, int thread) {
        return scores_.data() + (thread * n_classifiers() + classifier) * shape_.n_scores();
    }
    [[nodiscard]] T* coefficients_of(Index classifier) { return coefficients_.data() + classifier * shape_.n_scores(); }
    [[nodiscard]] double* losses_of(Index classifier) { return losses_.data() + classifier * shape_.block_rows; }

    void start_block(const Selection& block, bool first, double& weight, core::LoopControl& control) {
        stopped_ = control.stopped(0);
        if (first) weight = 0;
        if (examples_.weights == nullptr) {
            weight += static_cast<double>(block.n_rows);
        } else {
            for (Index r = 0; r < block.n_rows; ++r) weight += examples_.weights[block[r]];
        }
    }

    void score_slices(const Selection& block, Range slices, int thread) {
        block_.load(examples_, block, slices);
        T* scratch = scratch_[static_cast<std::size_t>(thread)].data();
        for (Index h = 0; h < n_classifiers(); ++h) {
            if (!finite(h)) continue;
            const T* weights = classifiers_[static_cast<std::size_t>(h)].weights;
            block_.score(weights, slices, block.n_rows, scores_of(h, thread), scratch);
        }
    }

    void differentiate(const Selection& block, const core::Team& team, int thread) {
        const Index per_classifier = core::ceil_div(block.n_rows, kLanes<T>);
        const Range items = part(per_classifier * n_classifiers(), team.size(), thread);
        for (Index item = items.begin; item < items.end; ++item) {
            const Index h = item / per_classifier;
            if (finite(h)) differentiate_rows(block, h, item % per_classifier * kLanes<T>, team.size());
        }
    }

    // The rows from `first` on, as many as a vector has lanes.
    void differentiate_rows(const Selection& block, Index h, Index first, int n_threads) {
        const Index n_rows = std::min(kLanes<T>, block.n_rows - first);
        for (int step = 1; step < n_threads; step *= 2) {
            for (int t = 0; t < n_threads; t += 2 * step) {
                T* sum = scores_of(h, t) + first;
                const T* more = scores_of(h, t + step) + first;
                for (Index c = 0; c < shape_.n_scores(); c += shape_.block_rows) {
                    core::store(sum + c, core::load(sum + c) + core::load(more + c));
                }
            }
        }
        std::int64_t labels[kLanes<T>] = {};
        T weights[kLanes<T>] = {};
        for (Index r = 0; r < n_rows; ++r) {
            labels[r] = examples_.labels[block[first + r]];
            weights[r] = examples_.weights == nullptr ? T{1} : static_cast<T>(examples_.weights[block[first + r]]);
        }
        double losses[kLanes<T>];
        const Scores<T> scores{scores_of(h, 0) + first, shape_.block_rows, shape_.n_classes, labels};
        classifiers_[static_cast<std::size_t>(h)].loss.differentiate(scores, losses);
        double finite = 0;
        for (Index r = 0; r < n_rows; ++r) {
            losses_of(h)[first + r] =
                losses[r] * (examples_.weights == nullptr ? 1 : examples_.weights[block[first + r]]);
            finite += losses[r] * 0;
        }
        if (finite != 0) finite_[static_cast<std::size_t>(h)].store(false); // NaN
        store_coefficients(h, first, n_rows, scores, core::load(weights));
    }

    // By tiles of classes, row by row, as the gradient reads them.
    void store_coefficients(Index h, Index first, Index n_rows, const Scores<T>& scores, Vector<T> weights) {
        for (Index t = 0; t < n_class_tiles(shape_.n_classes); ++t) {
            const Range classes = class_tile(shape_.n_classes, t);
            T* tile = coefficients_of(h) + classes.begin * shape_.block_rows + first * classes.size();
            for (Index c = classes.begin; c < classes.end; ++c) {
                const Vector<T> values = scores.of_class(c) * weights;
                for (Index r = 0; r < n_rows; ++r) tile[r * classes.size() + c - classes.begin] = values[r];
            }
        }
    }

    double add_losses(Index h, Index n_rows, bool first) {
        double& sum = sums_[static_cast<std::size_t>(h)];
        if (first) sum = 0;
        for (Index r = 0; r < n_rows; ++r) sum += losses_of(h)[r];
        // A classifier that is no longer finite has the losses of some earlier block.
        const bool left_over = !finite(h) && std::isfinite(sum);
        return left_over ? std::numeric_limits<double>::quiet_NaN() : sum;
    }

    template <class Consumer> void gradient_of(const Step& step, Index h, Index s, int thread, Consumer& consumer) {
        const Range columns = slice(shape_.stride, s);
        for (Index t = 0; t < n_class_tiles(shape_.n_classes); ++t) {
            const Range classes = class_tile(shape_.n_classes, t);
            const bool whole = step.first && step.last;
            T* out = whole ? tiles_[static_cast<std::size_t>(thread)].data()
                           : classifiers_[static_cast<std::size_t>(h)].gradient
                                 + weight_offset(shape_.n_classes, columns, classes.begin);
            const T* coefficients = coefficients_of(h) + classes.begin * shape_.block_rows;
            class_product(
                block_.slice_features(s), columns.size(), step.n_rows, columns.size(), coefficients, classes.size(),
                classes.size(), out, columns.size(), step.first,
                h == 0 && t == 0 ? step.ahead.from(columns.begin) : Ahead{}
            );
            if (step.last) consumer.gradient(step.number, h, classes, s, out, step.weight);
        }
    }

    std::vector<Classifier<T>> classifiers_;
    const Examples<T>& examples_;
    Shape shape_;
    Index n_slices_;
    Block<T> block_;
    core::AlignedVector<T> scores_;       // by threads, (n_classifiers, n_classes, block_rows)
    core::AlignedVector<T> coefficients_; // by classifiers and tiles of classes, each (block_rows, classes)
    std::vector<double> losses_;          // (n_classifiers, block_rows)
    std::vector<double> sums_;
    std::vector<std::atomic<bool>> finite_;
    std::vector<core::AlignedVector<T>> tiles_; // one for each thread, for a gradient that is used at once
    std::vector<core::AlignedVector<T>>
        scratch_; // one for each thread, for the scores of the second half of some slices
    std::vector<std::vector<const char*>> ahead_; // one for each thread
    double total_weight_[2] = {};
    bool stopped_ = false;
};

} // namespace deeprob::linear
