// The softmax (cross-entropy) loss: -log(exp(s_y) / sum of exp(s_j)), shifted by the largest score so that nothing overflows.
#pragma once

#include "core/exponential.hpp"
#include "linear/scores.hpp"

namespace deeprob::linear {

// Replaces the scores by the derivatives of the loss: probabilities, less 1 at the label.
template <class T> void softmax(const Scores<T>& scores, double* losses) {
    Vector<T> largest = scores.of_class(0);
    for (Index c = 1; c < scores.n_classes; ++c) {
        const Vector<T> score = scores.of_class(c);
        largest = score > largest ? score : largest;
    }
    const Vector<T> correct = label_scores(scores);
    Vector<T> sum{};
    for (Index c = 0; c < scores.n_classes; ++c) {
        const Vector<T> power = core::exponential<T>(scores.of_class(c) - largest);
        sum += power;
        scores.set_class(c, power);
    }
    const Vector<T> inverse = T{1} / sum;
    for (Index c = 0; c < scores.n_classes; ++c) scores.set_class(c, scores.of_class(c) * inverse);
    add_to_labels<T>(scores, core::broadcast(T{-1}));
    for (Index r = 0; r < kLanes<T>; ++r) {
        losses[r] =
            std::log(static_cast<double>(sum[r])) + (static_cast<double>(largest[r]) - static_cast<double>(correct[r]));
    }
}

} // namespace deeprob::linear
