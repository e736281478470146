// Which training row stands at each position of a packing. Packings come from files, too: what they say is checked where it is used.
#pragma once

#include "core/matrix.hpp"

#include <algorithm>
#include <span>

namespace deeprob::knn {

using core::Index;

// Packed rows, a tree or duplicates that contradict the training rows. No such thing comes from our own packing.
[[noreturn, gnu::noinline]] inline void throw_damaged() {
    throw std::invalid_argument("the index does not fit its training rows: it is damaged");
}

class Positions {
  public:
    // `rows`: of each position, or nothing, where position is row.
    Positions(std::span<const Index> rows, Index n_rows)
        : rows_(rows), n_rows_(n_rows), size_(rows.empty() ? n_rows : std::ssize(rows)) {}

    [[nodiscard]] Index size() const { return size_; }

    [[nodiscard]] Index row(Index position) const {
        if (position < 0 || position >= size_) throw_damaged();
        const Index row = rows_.empty() ? position : rows_[static_cast<std::size_t>(position)];
        if (row < 0 || row >= n_rows_) throw_damaged();
        return row;
    }

  private:
    std::span<const Index> rows_;
    Index n_rows_;
    Index size_;
};

} // namespace deeprob::knn
