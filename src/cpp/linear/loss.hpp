// The losses by name.
#pragma once

#include "linear/hinge.hpp"
#include "linear/softmax.hpp"

#include <array>
#include <stdexcept>
#include <string_view>

namespace deeprob::linear {

enum class Formula : std::uint8_t { weston_watkins, one_vs_all, runner_up, softmax };

inline constexpr std::array<std::string_view, 4> kFormulas{"weston_watkins", "one_vs_all", "runner_up", "softmax"};

inline Formula formula_of(std::string_view name) {
    for (std::size_t i = 0; i < kFormulas.size(); ++i) {
        if (kFormulas[i] == name) return static_cast<Formula>(i);
    }
    throw std::invalid_argument("unknown loss");
}

struct Loss {
    Formula formula;
    double delta; // margin of the hinges

    // Replaces the scores by the derivatives of the loss with respect to them.
    template <class T> void differentiate(const Scores<T>& scores, double* losses) const {
        const T margin = static_cast<T>(delta);
        switch (formula) {
        case Formula::weston_watkins: return weston_watkins<T>(scores, margin, losses);
        case Formula::one_vs_all: return one_vs_all<T>(scores, margin, losses);
        case Formula::runner_up: return runner_up<T>(scores, margin, losses);
        case Formula::softmax: return softmax<T>(scores, losses);
        }
    }
};

} // namespace deeprob::linear
