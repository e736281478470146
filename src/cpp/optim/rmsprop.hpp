// RMSprop (Tieleman, Hinton 2012): v = alpha v + (1 - alpha) g**2, w -= lr g / (sqrt(v) + eps). Centered (Graves 2013), the
// mean gradient's square is taken off v. With momentum the steps, before lr, gather in a buffer.
#pragma once

#include "optim/gradient.hpp"

#include <cmath>

namespace deeprob::optim {

template <class T> class RmsProp {
  public:
    static constexpr Index n_slots(const Hyperparameters& h) {
        return 1 + static_cast<Index>(h.centered) + static_cast<Index>(h.momentum > 0);
    }

    RmsProp(const Hyperparameters& h, Index /*step*/)
        : gradient_(h.maximize, h.weight_decay), mean_(1 - h.alpha), learning_rate_(static_cast<T>(h.learning_rate)),
          alpha_(static_cast<T>(h.alpha)), rest_(static_cast<T>(1 - h.alpha)), eps_(static_cast<T>(h.eps)),
          momentum_(static_cast<T>(h.momentum)), centered_(h.centered), moves_(h.momentum > 0) {}

    void operator()(T* w, const T* g, T* const* slots, Index n) const {
        T* const mean = centered_ ? slots[1] : nullptr;
        T* const velocity = moves_ ? slots[centered_ ? 2 : 1] : nullptr;
        with_constants(
            [&](auto decays, auto centered, auto near_end, auto moves) {
                descend<decays, centered, near_end, moves>(*this, w, g, slots[0], mean, velocity, n);
            },
            gradient_.decays(), centered_, mean_.near_end(), moves_
        );
    }

  private:
    // By value: members that the stores to w cannot touch.
    template <bool kDecays, bool kCentered, bool kNearEnd, bool kMoves>
    static void descend(
        const RmsProp rule, T* __restrict w, const T* __restrict g, T* __restrict square, T* __restrict mean,
        T* __restrict velocity, Index n
    ) {
        for (Index i = 0; i < n; ++i) {
            const T seen = rule.gradient_.template seen<kDecays>(g[i], w[i]);
            T v = rule.alpha_ * square[i] + rule.rest_ * seen * seen;
            square[i] = v;
            if constexpr (kCentered) {
                const T m = rule.mean_.template between<kNearEnd>(mean[i], seen);
                mean[i] = m;
                v -= m * m;
            }
            const T scale = std::sqrt(v) + rule.eps_;
            if constexpr (kMoves) {
                const T moved = rule.momentum_ * velocity[i] + seen / scale;
                velocity[i] = moved;
                w[i] -= rule.learning_rate_ * moved;
            } else {
                w[i] -= rule.learning_rate_ * seen / scale;
            }
        }
    }

    Gradient<T> gradient_;
    Lerp<T> mean_;
    T learning_rate_;
    T alpha_;
    T rest_;
    T eps_;
    T momentum_;
    bool centered_;
    bool moves_;
};

} // namespace deeprob::optim
