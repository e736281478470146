// The k smallest or largest of each row of a matrix, ties by column: a running threshold, vector compares against it, and a
// buffer that is cut back to k whenever it is full.
#pragma once

#include "core/parallel.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <type_traits>
#include <vector>

namespace deeprob::knn {

using core::Index;

template <class T> struct Entry {
    T value;
    Index column;
};

template <class T, bool kLargest> struct Better {
    static bool value(T a, T b) { return kLargest ? a > b : a < b; }
    bool operator()(const Entry<T>& a, const Entry<T>& b) const {
        return value(a.value, b.value) || (a.value == b.value && a.column < b.column);
    }
};

// The first column at or after `column` whose value is strictly better than the threshold; n_columns if there is none.
template <class T, bool kLargest> Index next_better(const T* values, Index column, Index n_columns, T threshold) {
    if constexpr (std::is_floating_point_v<T>) {
        const auto limit = core::broadcast(threshold);
        for (; column + core::kLanes<T> <= n_columns; column += core::kLanes<T>) {
            const auto v = core::load(values + column);
            const std::uint32_t hits = kLargest ? core::greater(v, limit) : core::greater(limit, v);
            if (hits != 0) return column + std::countr_zero(hits);
        }
    }
    while (column < n_columns && !Better<T, kLargest>::value(values[column], threshold)) ++column;
    return column;
}

inline Index top_k_capacity(Index n_columns, Index k) { return std::min(n_columns, 2 * k + 64); }

template <class T, bool kLargest>
void select_row(const T* values, Index n_columns, Index k, Entry<T>* buffer, T* out_values, std::int64_t* out_indices) {
    const Better<T, kLargest> better;
    const Index capacity = top_k_capacity(n_columns, k);
    Index count = 0;
    Index column = 0;
    for (; count < capacity; ++count, ++column) buffer[count] = {values[column], column};
    std::nth_element(buffer, buffer + (k - 1), buffer + count, better);
    count = k;
    T threshold = buffer[k - 1].value;
    for (; (column = next_better<T, kLargest>(values, column, n_columns, threshold)) < n_columns; ++column) {
        buffer[count++] = {values[column], column};
        if (count == capacity) {
            std::nth_element(buffer, buffer + (k - 1), buffer + count, better);
            count = k;
            threshold = buffer[k - 1].value;
        }
    }
    std::nth_element(buffer, buffer + (k - 1), buffer + count, better);
    std::sort(buffer, buffer + k, better);
    for (Index i = 0; i < k; ++i) {
        out_values[i] = buffer[i].value;
        out_indices[i] = buffer[i].column;
    }
}

template <class T> bool contains_nan(const T* values, Index n) {
    if constexpr (std::is_floating_point_v<T>) {
        bool any = false;
        for (Index i = 0; i < n; ++i) any |= std::isnan(values[i]);
        return any;
    }
    return false;
}

// `values` (n_rows, n_columns), outputs (n_rows, k). Returns the first row with NaN, or -1.
template <class T>
Index top_k(
    const core::ConstMatrix<T>& values, Index k, bool largest, core::Matrix<T>& out_values,
    core::Matrix<std::int64_t>& out_indices, const core::Execution& execution
) {
    const Index n_rows = values.rows();
    const Index n_columns = values.cols();
    if (n_rows == 0 || k == 0) return -1;
    const Index rows_per_task = std::max<Index>(1, 65536 / n_columns);
    const Index n_tasks = core::ceil_div(n_rows, rows_per_task);
    const auto capacity = static_cast<std::size_t>(top_k_capacity(n_columns, k));
    std::vector<Entry<T>> buffers(static_cast<std::size_t>(core::team_size(n_tasks, execution)) * capacity);
    std::vector<Index> bad(static_cast<std::size_t>(n_tasks), -1);
    core::parallel_for(n_tasks, execution, [&](Index task, int thread, core::LoopControl& control) {
        Entry<T>* buffer = buffers.data() + static_cast<std::size_t>(thread) * capacity;
        const Index end = std::min((task + 1) * rows_per_task, n_rows);
        for (Index row = task * rows_per_task; row < end && !control.stopped(thread); ++row) {
            const T* in = values.row(row).data();
            if (contains_nan(in, n_columns)) {
                bad[static_cast<std::size_t>(task)] = row;
                return;
            }
            T* best = out_values.row(row).data();
            std::int64_t* columns = out_indices.row(row).data();
            if (largest) {
                select_row<T, true>(in, n_columns, k, buffer, best, columns);
            } else {
                select_row<T, false>(in, n_columns, k, buffer, best, columns);
            }
        }
    });
    for (const Index row : bad) {
        if (row >= 0) return row;
    }
    return -1;
}

} // namespace deeprob::knn
