// Multiclass hinge losses. Each replaces the scores by the loss's derivatives with respect to them; margins count as violated
// above 0, not at 0.
#pragma once

#include "linear/scores.hpp"

#include <limits>

namespace deeprob::linear {

// NaN stays NaN.
template <class T> inline Vector<T> positive_part(Vector<T> v) { return v <= T{0} ? Vector<T>{} : v; }
template <class T> inline Vector<T> one_if(Vector<T> violated) {
    return violated > T{0} ? core::broadcast(T{1}) : Vector<T>{};
}

// NaN in one score makes the loss NaN, also where no comparison sees it.
template <class T> inline Vector<T> poison(Vector<T> scores) { return scores * T{0}; }

// Weston and Watkins (1999): the sum over j != y of max(0, s_j - s_y + delta).
template <class T> void weston_watkins(const Scores<T>& scores, T delta, double* losses) {
    const Vector<T> correct = label_scores(scores);
    for (Index r = 0; r < kLanes<T>; ++r) scores.of_label(r) = -std::numeric_limits<T>::infinity();
    Vector<T> loss = poison<T>(correct);
    Vector<T> violations{};
    for (Index c = 0; c < scores.n_classes; ++c) {
        const Vector<T> margin = scores.of_class(c) - correct + delta;
        const Vector<T> violated = one_if<T>(margin);
        loss += positive_part<T>(margin);
        violations += violated;
        scores.set_class(c, violated);
    }
    add_to_labels<T>(scores, -violations);
    store_losses<T>(losses, loss);
}

// K independent binary machines: the sum over j of max(0, delta - t_j s_j), t_j = 1 for the label and -1 for the others.
template <class T> void one_vs_all(const Scores<T>& scores, T delta, double* losses) {
    const Vector<T> correct = label_scores(scores);
    const Vector<T> missing = delta - correct;
    for (Index r = 0; r < kLanes<T>; ++r) scores.of_label(r) = -std::numeric_limits<T>::infinity();
    Vector<T> loss = positive_part<T>(missing);
    for (Index c = 0; c < scores.n_classes; ++c) {
        const Vector<T> margin = scores.of_class(c) + delta;
        loss += positive_part<T>(margin);
        scores.set_class(c, one_if<T>(margin));
    }
    add_to_labels<T>(scores, -one_if<T>(missing));
    store_losses<T>(losses, loss);
}

// Crammer and Singer (2001): max(0, max over j != y of s_j - s_y + delta); of equal runners-up the first counts.
template <class T> void runner_up(const Scores<T>& scores, T delta, double* losses) {
    const Vector<T> correct = label_scores(scores);
    for (Index r = 0; r < kLanes<T>; ++r) scores.of_label(r) = -std::numeric_limits<T>::infinity();
    Vector<T> best = core::broadcast(-std::numeric_limits<T>::infinity());
    Vector<T> nan = poison<T>(correct);
    Vector<T> winner{};
    for (Index c = 0; c < scores.n_classes; ++c) {
        const Vector<T> score = scores.of_class(c);
        nan = score != score ? score : nan; // NOLINT(misc-redundant-expression)
        winner = score > best ? core::broadcast(static_cast<T>(c)) : winner;
        best = score > best ? score : best;
        scores.set_class(c, Vector<T>{});
    }
    const Vector<T> margin = best - correct + delta;
    const Vector<T> violated = one_if<T>(margin);
    for (Index r = 0; r < kLanes<T>; ++r) scores.data[static_cast<Index>(winner[r]) * scores.stride + r] += violated[r];
    add_to_labels<T>(scores, -violated);
    store_losses<T>(losses, positive_part<T>(margin) + nan);
}

} // namespace deeprob::linear
