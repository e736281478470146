// What all update rules share: their hyperparameters, the gradient as they see it, and flags as constants of a loop.
#pragma once

#include "core/matrix.hpp"

#include <type_traits>

namespace deeprob::optim {

using core::Index;

// Named as in PyTorch, but for lr (learning_rate) and betas (beta1, beta2). Each rule reads those that it knows.
struct Hyperparameters {
    double learning_rate;
    double momentum;
    double dampening;
    double weight_decay;
    double lr_decay;
    double eps;
    double alpha;
    double beta1;
    double beta2;
    bool nesterov;
    bool centered;
    bool amsgrad;
    bool decoupled;
    bool maximize;
};

// The gradient that a rule sees: turned round for ascent, and with that of decay / 2 * sum(w**2). Without decay nothing is
// added, not even zero: 0 * inf would be NaN.
template <class T> class Gradient {
  public:
    Gradient(bool maximize, double decay) : sign_(maximize ? T(-1) : T(1)), decay_(static_cast<T>(decay)) {}

    [[nodiscard]] bool decays() const { return decay_ != T(0); }

    template <bool kDecays> [[nodiscard]] T seen(T g, T w) const {
        if constexpr (kDecays) return sign_ * g + decay_ * w;
        return sign_ * g;
    }

  private:
    T sign_;
    T decay_;
};

// start + weight (end - start), from the nearer end as PyTorch's lerp: exact at both ends.
template <class T> class Lerp {
  public:
    explicit Lerp(double weight) : weight_(static_cast<T>(weight)), near_end_(!(weight_ < T(0.5))) {}

    [[nodiscard]] bool near_end() const { return near_end_; }

    template <bool kNearEnd> [[nodiscard]] T between(T start, T end) const {
        if constexpr (kNearEnd) return end - (end - start) * (T(1) - weight_);
        return start + weight_ * (end - start);
    }

  private:
    T weight_;
    bool near_end_;
};

// Calls f with each flag as a constant, so that its loop has no branches.
template <class F> void with_constants(const F& f) { f(); }
template <class F, class... Flags> void with_constants(const F& f, bool flag, Flags... rest) {
    if (flag) {
        with_constants([&](auto... constants) { f(std::true_type{}, constants...); }, rest...);
    } else {
        with_constants([&](auto... constants) { f(std::false_type{}, constants...); }, rest...);
    }
}

} // namespace deeprob::optim
