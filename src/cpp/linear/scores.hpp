// What a loss works on: the scores of as many examples as a vector has lanes, class by class.
#pragma once

#include "core/simd.hpp"

namespace deeprob::linear {

using core::Index;
using core::kLanes;
using core::Vector;

template <class T> struct Scores {
    T* data; // score of class c of example r at data[c * stride + r]
    Index stride;
    Index n_classes;
    const std::int64_t* labels; // one for each lane

    [[nodiscard]] Vector<T> of_class(Index c) const { return core::load(data + c * stride); }
    void set_class(Index c, Vector<T> values) const { core::store(data + c * stride, values); }
    [[nodiscard]] T& of_label(Index r) const { return data[labels[r] * stride + r]; }
};

// The scores of the labels, one in each lane.
template <class T> inline Vector<T> label_scores(const Scores<T>& scores) {
    T values[kLanes<T>];
    for (Index r = 0; r < kLanes<T>; ++r) values[r] = scores.of_label(r);
    return core::load(values);
}

template <class T> inline void add_to_labels(const Scores<T>& scores, Vector<T> amounts) {
    for (Index r = 0; r < kLanes<T>; ++r) scores.of_label(r) += amounts[r];
}

// Bit r says whether the label of example r has the largest score; of equal ones the first class has it.
template <class T> inline std::uint32_t predicted(const Scores<T>& scores) {
    const Vector<T> correct = label_scores(scores);
    Vector<T> first{};
    Vector<T> label{};
    Vector<T> best = scores.of_class(0);
    for (Index r = 0; r < kLanes<T>; ++r) label[r] = static_cast<T>(scores.labels[r]);
    for (Index c = 1; c < scores.n_classes; ++c) {
        const Vector<T> score = scores.of_class(c);
        first = score > best ? core::broadcast(static_cast<T>(c)) : first;
        best = score > best ? score : best;
    }
    std::uint32_t bits = 0;
    for (Index r = 0; r < kLanes<T>; ++r) {
        // NaN is nobody's largest score.
        bits |= static_cast<std::uint32_t>(first[r] == label[r] && best[r] == correct[r]) << r;
    }
    return bits;
}

template <class T> inline void store_losses(double* losses, Vector<T> values) {
    for (Index r = 0; r < kLanes<T>; ++r) losses[r] = static_cast<double>(values[r]);
}

} // namespace deeprob::linear
