// The penalty of an objective: l2 * (sum of squares) + l1 * (sum of absolute values), as in the lecture: no factor of 1/2.
#pragma once

#include "core/simd.hpp"

namespace deeprob::linear {

using core::Index;

struct Penalty {
    double l2;
    double l1;
    Index n_columns; // the first columns of a row of weights are penalized, the bias behind them may not be

    [[nodiscard]] bool none() const { return l2 == 0 && l1 == 0; }

    // Of columns [begin, begin + n) of one class: adds the gradient, returns the value.
    template <class T> double add_gradient(const T* w, Index begin, Index n, T* gradient) const {
        const Index end = std::clamp<Index>(n_columns - begin, 0, n);
        constexpr Index kSums = core::kLanes<T>;
        const T twice = static_cast<T>(2 * l2);
        const T once = static_cast<T>(l1);
        T squares[kSums] = {};
        T magnitudes[kSums] = {};
        const auto add = [&](Index i, Index lane) {
            const T sign = static_cast<T>(w[i] > 0) - static_cast<T>(w[i] < 0);
            gradient[i] += twice * w[i] + once * sign;
            squares[lane] += w[i] * w[i];
            magnitudes[lane] += sign * w[i];
        };
        Index i = 0;
        for (; i + kSums <= end; i += kSums) {
            for (Index lane = 0; lane < kSums; ++lane) add(i + lane, lane);
        }
        for (; i < end; ++i) add(i, 0);
        double square = 0;
        double magnitude = 0;
        for (Index lane = 0; lane < kSums; ++lane) {
            square += static_cast<double>(squares[lane]);
            magnitude += static_cast<double>(magnitudes[lane]);
        }
        return l2 * square + l1 * magnitude;
    }
};

} // namespace deeprob::linear
