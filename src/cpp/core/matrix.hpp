// The types that cross the border: dense row-major views of the caller's arrays, and `Rows`, a view whose element type is
// known only at run time. Nothing here owns memory.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>

namespace deeprob::core {

using Index = std::ptrdiff_t;

template <class T> using RowMajor = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T> using Column = Eigen::Matrix<T, Eigen::Dynamic, 1>;

// Inputs of any strides that are not negative; outputs are contiguous.
template <class T>
using ConstMatrix = Eigen::Ref<const RowMajor<T>, Eigen::Unaligned, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>;
template <class T> using Matrix = Eigen::Ref<RowMajor<T>, Eigen::Unaligned, Eigen::OuterStride<>>;
template <class T> using ConstVector = Eigen::Ref<const Column<T>>;
template <class T> using MutableVector = Eigen::Ref<Column<T>>;

// IEEE binary16, by its bits: C++20 has no portable type for it.
struct Half {
    std::uint16_t bits;
};

enum class Dtype : std::uint8_t { float32, float64, float16, uint8, int8 };

template <class T> struct DtypeOf;
template <> struct DtypeOf<float> {
    static constexpr Dtype value = Dtype::float32;
};
template <> struct DtypeOf<double> {
    static constexpr Dtype value = Dtype::float64;
};
template <> struct DtypeOf<Half> {
    static constexpr Dtype value = Dtype::float16;
};
template <> struct DtypeOf<std::uint8_t> {
    static constexpr Dtype value = Dtype::uint8;
};
template <> struct DtypeOf<std::int8_t> {
    static constexpr Dtype value = Dtype::int8;
};

// A read-only (n_rows, n_features) matrix in any of the supported element types.
struct Rows {
    const std::byte* data;
    Index n_rows;
    Index n_features;
    Index stride; // bytes from one row to the next
    Dtype dtype;

    template <class T> [[nodiscard]] const T* row(Index i) const {
        assert(i >= 0 && i < n_rows && DtypeOf<T>::value == dtype);
        return reinterpret_cast<const T*>(data + i * stride);
    }
};

// Calls f.template operator()<T>() with the element type of `dtype`.
template <class F> decltype(auto) with_dtype(Dtype dtype, F&& f) {
    switch (dtype) {
    case Dtype::float32: return f.template operator()<float>();
    case Dtype::float64: return f.template operator()<double>();
    case Dtype::float16: return f.template operator()<Half>();
    case Dtype::uint8: return f.template operator()<std::uint8_t>();
    case Dtype::int8: return f.template operator()<std::int8_t>();
    }
    throw std::logic_error("unknown dtype");
}

// The nearest integer of 32 bits towards zero; NaN becomes the lowest.
inline std::int32_t saturated(double value) {
    constexpr double kLowest = std::numeric_limits<std::int32_t>::min();
    constexpr double kHighest = std::numeric_limits<std::int32_t>::max();
    return value > kLowest ? static_cast<std::int32_t>(std::min(value, kHighest))
                           : std::numeric_limits<std::int32_t>::min();
}

constexpr Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }
constexpr Index round_up(Index a, Index b) { return ceil_div(a, b) * b; }

} // namespace deeprob::core
