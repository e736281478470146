// One step of any update rule, as PyTorch 2.13 computes it on the CPU. Products and sums are rounded one by one in the
// parameters' type; what all elements share is derived once, in double.
#pragma once

#include "optim/adagrad.hpp"
#include "optim/adam.hpp"
#include "optim/rmsprop.hpp"
#include "optim/sgd.hpp"

#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

namespace deeprob::optim {

enum class Rule : std::uint8_t { sgd, adagrad, rmsprop, adam }; // AdamW is adam with decoupled = true

inline Rule rule_named(std::string_view name) {
    if (name == "sgd") return Rule::sgd;
    if (name == "adagrad") return Rule::adagrad;
    if (name == "rmsprop") return Rule::rmsprop;
    if (name == "adam") return Rule::adam;
    throw std::invalid_argument("unknown rule " + std::string(name));
}

// A rule's state: arrays of the parameters' shape, zero before the first step (Adagrad's: its initial value). In order, where
// the hyperparameters ask for them: the velocity; the sum of squares; the means of squares and of gradients, the velocity; the
// means of gradients and of squares, the largest mean of squares.
inline constexpr Index kMaxSlots = 3;

constexpr Index n_slots(Rule rule, const Hyperparameters& h) {
    switch (rule) {
    case Rule::sgd: return Sgd<double>::n_slots(h);
    case Rule::adagrad: return Adagrad<double>::n_slots(h);
    case Rule::rmsprop: return RmsProp<double>::n_slots(h);
    case Rule::adam: return Adam<double>::n_slots(h);
    }
    return 0;
}

template <class T> class Update {
  public:
    // Steps count from 1.
    Update(Rule rule, const Hyperparameters& h, Index step) : rule_(make(rule, h, step)) {}

    // Elementwise and in place; the arrays must not overlap.
    void operator()(T* w, const T* g, T* const* slots, Index n) const {
        std::visit([&](const auto& rule) { rule(w, g, slots, n); }, rule_);
    }

  private:
    using AnyRule = std::variant<Sgd<T>, Adagrad<T>, RmsProp<T>, Adam<T>>;

    static AnyRule make(Rule rule, const Hyperparameters& h, Index step) {
        switch (rule) {
        case Rule::adagrad: return Adagrad<T>(h, step);
        case Rule::rmsprop: return RmsProp<T>(h, step);
        case Rule::adam: return Adam<T>(h, step);
        case Rule::sgd: break;
        }
        return Sgd<T>(h, step);
    }

    AnyRule rule_;
};

} // namespace deeprob::optim
