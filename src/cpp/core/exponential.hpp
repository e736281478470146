// The exponential function on whole vectors, for arguments up to where it overflows.
#pragma once

#include "core/simd.hpp"

#include <numbers>

namespace deeprob::core {

template <class T> struct ExponentialConstants;
template <> struct ExponentialConstants<float> {
    using Bits = std::int32_t;
    static constexpr float kRounding = 0x1.8p23F;   // adding it rounds to an integer, held in the low bits
    static constexpr float kLn2High = 0x1.62e4p-1F; // NOLINT(modernize-use-std-numbers): few bits, the rest is the next
    static constexpr float kLn2Low = 0x1.7f7d1cp-20F;
    static constexpr float kSmallest = -87.0F; // below, the result is no longer a normal number: taken as zero
    static constexpr int kMantissaBits = 23;
    static constexpr int kBias = 127;
    static constexpr int kDegree = 7;
};
template <> struct ExponentialConstants<double> {
    using Bits = std::int64_t;
    static constexpr double kRounding = 0x1.8p52;
    static constexpr double kLn2High = 0x1.62e42fefap-1; // NOLINT(modernize-use-std-numbers)
    static constexpr double kLn2Low = 0x1.cf79abc9e3b4p-40;
    static constexpr double kSmallest = -708.0;
    static constexpr int kMantissaBits = 52;
    static constexpr int kBias = 1023;
    static constexpr int kDegree = 13;
};

// exp(x) for x <= 88 (float) or 709 (double), within 2 units in the last place; NaN for NaN. x = n ln 2 + r with |r| at most
// half of ln 2, where Taylor's polynomial of the given degree has a remainder below half a unit.
template <class T> inline Vector<T> exponential(Vector<T> x) {
    using Constants = ExponentialConstants<T>;
    using Bits = Vector<typename Constants::Bits>;
    const Vector<T> clamped = x < Constants::kSmallest ? broadcast(Constants::kSmallest) : x;
    const Vector<T> shifted =
        multiply_add(clamped, broadcast(std::numbers::log2e_v<T>), broadcast(Constants::kRounding));
    const Vector<T> n = shifted - Constants::kRounding;
    const Vector<T> r =
        multiply_add(n, broadcast(-Constants::kLn2Low), multiply_add(n, broadcast(-Constants::kLn2High), clamped));
    constexpr auto kInverseFactorials = [] {
        std::array<T, Constants::kDegree + 1> values{};
        T factorial = 1;
        for (int i = 0; i <= Constants::kDegree; ++i) {
            values[static_cast<std::size_t>(i)] = 1 / factorial;
            factorial *= static_cast<T>(i + 1);
        }
        return values;
    }();
    Vector<T> sum = broadcast(kInverseFactorials[Constants::kDegree]);
#pragma GCC unroll 16
    for (int i = Constants::kDegree - 1; i >= 0; --i) {
        sum = multiply_add(sum, r, broadcast(kInverseFactorials[static_cast<std::size_t>(i)]));
    }
    const Bits exponent =
        reinterpret_cast<Bits>(shifted) - std::bit_cast<typename Constants::Bits>(Constants::kRounding);
    const Bits power = (exponent + Constants::kBias) << Constants::kMantissaBits;
    const Vector<T> result = sum * reinterpret_cast<Vector<T>>(power);
    return x < Constants::kSmallest ? Vector<T>{} : result;
}

} // namespace deeprob::core
