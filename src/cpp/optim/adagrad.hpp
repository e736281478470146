// Adagrad (Duchi, Hazan, Singer 2011): s += g**2, w -= lr / (1 + (step - 1) lr_decay) g / (sqrt(s) + eps). The caller fills
// the sum with its initial value.
#pragma once

#include "optim/gradient.hpp"

#include <cmath>

namespace deeprob::optim {

template <class T> class Adagrad {
  public:
    static constexpr Index n_slots(const Hyperparameters& /*h*/) { return 1; }

    Adagrad(const Hyperparameters& h, Index step)
        : gradient_(h.maximize, h.weight_decay),
          learning_rate_(static_cast<T>(h.learning_rate / (1 + static_cast<double>(step - 1) * h.lr_decay))),
          eps_(static_cast<T>(h.eps)) {}

    void operator()(T* w, const T* g, T* const* slots, Index n) const {
        with_constants([&](auto decays) { descend<decays>(*this, w, g, slots[0], n); }, gradient_.decays());
    }

  private:
    // By value: members that the stores to w cannot touch.
    template <bool kDecays>
    static void descend(const Adagrad rule, T* __restrict w, const T* __restrict g, T* __restrict sum, Index n) {
        for (Index i = 0; i < n; ++i) {
            const T seen = rule.gradient_.template seen<kDecays>(g[i], w[i]);
            const T s = sum[i] + seen * seen;
            sum[i] = s;
            w[i] -= rule.learning_rate_ * seen / (std::sqrt(s) + rule.eps_);
        }
    }

    Gradient<T> gradient_;
    T learning_rate_;
    T eps_;
};

} // namespace deeprob::optim
