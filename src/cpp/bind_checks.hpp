// What the bindings ask of their arguments before a kernel reads them: lengths, and the range of every number that is used as an
// index. Our own Python never fails these checks; whatever calls the kernels otherwise gets a ValueError.
#pragma once

#include "bind.hpp"

#include <array>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace deeprob::bind {

[[noreturn, gnu::noinline]] inline void refuse(const char* name, std::string_view what) {
    throw std::invalid_argument(std::string(name).append(" ").append(what));
}

// Numbers in brackets after the words.
[[noreturn, gnu::noinline]] inline void refuse(
    const char* name, std::string_view what, std::initializer_list<core::Index> expected,
    std::initializer_list<core::Index> got
) {
    std::string text(what);
    const auto append = [&](std::initializer_list<core::Index> numbers) {
        char separator = '(';
        for (const core::Index number : numbers) {
            text.append(1, separator).append(std::to_string(number));
            separator = ',';
        }
        text.append(")");
    };
    append(expected);
    text.append("; got ");
    append(got);
    refuse(name, text);
}

inline void require(bool holds, const char* name, const char* what) {
    if (!holds) refuse(name, what);
}

// Of factors that may come from a hostile caller.
inline core::Index product(std::initializer_list<core::Index> factors) {
    core::Index result = 1;
    for (const core::Index factor : factors) {
        if (factor < 0 || __builtin_mul_overflow(result, factor, &result)) {
            refuse("sizes", "must not be negative, nor their product exceed 63 bits");
        }
    }
    return result;
}

inline void require_range(const char* name, core::Index value, core::Index low, core::Index high) {
    if (value < low || value > high) refuse(name, "must lie between ", {low, high}, {value});
}

template <class A> void require_aligned(const char* name, const A& array) {
    const auto address = reinterpret_cast<std::uintptr_t>(array.data());
    if (address % alignof(typename A::Scalar) != 0) refuse(name, "must be aligned");
}

template <class A> void require_size(const char* name, const A& array, core::Index size) {
    if (array.size() != size) refuse(name, "must have so many elements: ", {size}, {array.size()});
    require_aligned(name, array);
}

// Kernels read and write whole matrices through one pointer.
template <class M> void require_shape(const char* name, const M& matrix, core::Index n_rows, core::Index n_columns) {
    if (matrix.rows() != n_rows || matrix.cols() != n_columns) {
        refuse(name, "must have shape ", {n_rows, n_columns}, {matrix.rows(), matrix.cols()});
    }
    const bool packed =
        (n_columns <= 1 || matrix.innerStride() == 1) && (n_rows <= 1 || matrix.outerStride() == n_columns);
    if (!packed) refuse(name, "must be C-contiguous");
    require_aligned(name, matrix);
}

inline void require_rows(const char* name, const core::Rows& rows, core::Index n_features) {
    if (n_features <= 0 || rows.n_features != n_features) {
        refuse(name, "must have so many features, at least one: ", {n_features}, {rows.n_features});
    }
}

template <class A> void require_within(const char* name, const A& numbers, core::Index n) {
    require_aligned(name, numbers);
    std::uint64_t largest = 0; // negative numbers are large ones
    for (core::Index i = 0; i < numbers.size(); ++i) {
        largest = std::max(largest, static_cast<std::uint64_t>(numbers[i]));
    }
    if (numbers.size() > 0 && std::cmp_greater_equal(largest, n)) {
        refuse(name, "must be numbers from 0 to below ", {n}, {static_cast<core::Index>(largest)});
    }
}

// Of consecutive parts of something that has `end` elements.
template <class A> void require_ascending(const char* name, const A& starts, core::Index end) {
    require_aligned(name, starts);
    core::Index last = 0;
    for (core::Index i = 0; i < starts.size(); ++i) {
        if (starts[i] < last) refuse(name, "must ascend from 0; there follow ", {last}, {starts[i]});
        last = starts[i];
    }
    require_range(name, last, 0, end);
}

// A matrix of any strides above 0. Eigen takes a stride of 0, by which one row stands for all, for that of whole rows.
template <class T> core::ConstMatrix<T> matrix_of(const char* name, const py::array& array) {
    if (!py::isinstance<py::array_t<T>>(array) || array.ndim() != 2) {
        throw py::type_error(std::string(name).append(" must be a matrix of another dtype"));
    }
    std::array<core::Index, 2> strides{};
    for (int d = 0; d < 2; ++d) {
        const core::Index bytes = array.strides(d);
        const bool read = array.size() > 0 && array.shape(d) > 1;
        if (read && (bytes <= 0 || bytes % array.itemsize() != 0)) {
            refuse(name, "must have strides of whole elements, above 0");
        }
        const core::Index unread = d == 0 ? array.shape(1) : 1;
        strides.at(static_cast<std::size_t>(d)) = read ? bytes / array.itemsize() : unread;
    }
    using Strides = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;
    using Map = Eigen::Map<const core::RowMajor<T>, Eigen::Unaligned, Strides>;
    const auto* const data = static_cast<const T*>(array.data());
    return Map(data, array.shape(0), array.shape(1), Strides(std::max<core::Index>(strides[0], 1), strides[1]));
}

inline std::span<const core::Index> span(const Labels& values) {
    return {values.data(), static_cast<std::size_t>(values.size())};
}

} // namespace deeprob::bind
