// Adam (Kingma, Ba 2015): m and v are running means of g and g**2, both corrected for their start at zero; eps is added
// outside the root. Decoupled weight decay shrinks w itself (AdamW: Loshchilov, Hutter 2019); AMSGrad (Reddi, Kale, Kumar
// 2018) divides by the largest v so far, taken before its correction.
#pragma once

#include "optim/gradient.hpp"

#include <cmath>

namespace deeprob::optim {

template <class T> class Adam {
  public:
    static constexpr Index n_slots(const Hyperparameters& h) { return h.amsgrad ? 3 : 2; }

    Adam(const Hyperparameters& h, Index step)
        : gradient_(h.maximize, h.decoupled ? 0.0 : h.weight_decay), mean_(1 - h.beta1),
          kept_(static_cast<T>(h.decoupled ? 1 - h.learning_rate * h.weight_decay : 1)),
          beta2_(static_cast<T>(h.beta2)), rest_(static_cast<T>(1 - h.beta2)),
          root_correction_(static_cast<T>(std::sqrt(1 - std::pow(h.beta2, static_cast<double>(step))))),
          eps_(static_cast<T>(h.eps)),
          learning_rate_(static_cast<T>(h.learning_rate / (1 - std::pow(h.beta1, static_cast<double>(step))))),
          amsgrad_(h.amsgrad) {}

    void operator()(T* w, const T* g, T* const* slots, Index n) const {
        T* const largest = amsgrad_ ? slots[2] : nullptr;
        with_constants(
            [&](auto decays, auto near_end, auto amsgrad) {
                descend<decays, near_end, amsgrad>(*this, w, g, slots[0], slots[1], largest, n);
            },
            gradient_.decays(), mean_.near_end(), amsgrad_
        );
    }

  private:
    // By value: members that the stores to w cannot touch.
    template <bool kDecays, bool kNearEnd, bool kAmsgrad>
    static void descend(
        const Adam rule, T* __restrict w, const T* __restrict g, T* __restrict mean, T* __restrict square,
        T* __restrict largest, Index n
    ) {
        for (Index i = 0; i < n; ++i) {
            const T seen = rule.gradient_.template seen<kDecays>(g[i], w[i]);
            const T m = rule.mean_.template between<kNearEnd>(mean[i], seen);
            T v = rule.beta2_ * square[i] + rule.rest_ * seen * seen;
            mean[i] = m;
            square[i] = v;
            if constexpr (kAmsgrad) {
                v = largest[i] > v ? largest[i] : v; // NaN stays NaN
                largest[i] = v;
            }
            const T scale = std::sqrt(v) / rule.root_correction_ + rule.eps_;
            w[i] = rule.kept_ * w[i] - rule.learning_rate_ * m / scale;
        }
    }

    Gradient<T> gradient_;
    Lerp<T> mean_;
    T kept_;
    T beta2_;
    T rest_;
    T root_correction_;
    T eps_;
    T learning_rate_;
    bool amsgrad_;
};

} // namespace deeprob::optim
