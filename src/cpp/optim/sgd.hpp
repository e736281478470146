// Stochastic gradient descent with momentum: v = momentum v + (1 - dampening) g, w -= lr v. The velocity starts as the first
// gradient, not dampened. Nesterov's form steps along g + momentum v.
#pragma once

#include "optim/gradient.hpp"

namespace deeprob::optim {

template <class T> class Sgd {
  public:
    static constexpr Index n_slots(const Hyperparameters& h) { return h.momentum != 0 ? 1 : 0; }

    Sgd(const Hyperparameters& h, Index step)
        : gradient_(h.maximize, h.weight_decay), learning_rate_(static_cast<T>(h.learning_rate)),
          momentum_(static_cast<T>(h.momentum)), undamped_(static_cast<T>(1 - h.dampening)), moves_(h.momentum != 0),
          first_(step == 1), nesterov_(h.nesterov) {}

    void operator()(T* w, const T* g, T* const* slots, Index n) const {
        if (moves_) {
            with_constants(
                [&](auto decays, auto first, auto nesterov) {
                    move<decays, first, nesterov>(*this, w, g, slots[0], n);
                },
                gradient_.decays(), first_, nesterov_
            );
        } else {
            with_constants([&](auto decays) { descend<decays>(*this, w, g, n); }, gradient_.decays());
        }
    }

  private:
    // By value: members that the stores to w cannot touch.
    template <bool kDecays> static void descend(const Sgd rule, T* __restrict w, const T* __restrict g, Index n) {
        for (Index i = 0; i < n; ++i) {
            w[i] -= rule.learning_rate_ * rule.gradient_.template seen<kDecays>(g[i], w[i]);
        }
    }

    template <bool kDecays, bool kFirst, bool kNesterov>
    static void move(const Sgd rule, T* __restrict w, const T* __restrict g, T* __restrict velocity, Index n) {
        for (Index i = 0; i < n; ++i) {
            const T seen = rule.gradient_.template seen<kDecays>(g[i], w[i]);
            const T v = kFirst ? seen : rule.momentum_ * velocity[i] + rule.undamped_ * seen;
            velocity[i] = v;
            w[i] -= rule.learning_rate_ * (kNesterov ? seen + rule.momentum_ * v : v);
        }
    }

    Gradient<T> gradient_;
    T learning_rate_;
    T momentum_;
    T undamped_;
    bool moves_;
    bool first_;
    bool nesterov_;
};

} // namespace deeprob::optim
