// The nearest rows seen so far, where they come one by one.
#pragma once

#include "knn/neighbor.hpp"

#include <vector>

namespace deeprob::knn {

// The k first of the neighbours inserted so far: a sorted list if k is small, else a heap once there are k.
class NearestList {
  public:
    explicit NearestList(Index k) : k_(k), list_(static_cast<std::size_t>(k)) {}

    void clear() { count_ = 0; }
    [[nodiscard]] bool is_full() const { return count_ == k_; }
    // Of a full list: what is not before it is not inserted.
    [[nodiscard]] const Neighbor& last() const { return list_[static_cast<std::size_t>(k_ > kFew ? 0 : k_ - 1)]; }

    void insert(const Neighbor& neighbor) {
        Neighbor* const list = list_.data();
        if (!is_full()) {
            list[count_++] = neighbor;
            if (k_ <= kFew) {
                sink(count_ - 1);
            } else if (is_full()) {
                std::make_heap(list, list + k_);
            }
        } else if (neighbor < last()) {
            if (k_ > kFew) std::pop_heap(list, list + k_);
            list[k_ - 1] = neighbor;
            if (k_ > kFew) {
                std::push_heap(list, list + k_);
            } else {
                sink(k_ - 1);
            }
        }
    }

    // In ascending order; ends the list.
    std::span<const Neighbor> sorted() {
        const std::span<Neighbor> all{list_.data(), static_cast<std::size_t>(count_)};
        if (k_ > kFew) std::ranges::sort(all, [](const Neighbor& a, const Neighbor& b) { return a < b; });
        return all;
    }

  private:
    static constexpr Index kFew = 32;

    void sink(Index at) {
        const Neighbor neighbor = list_[static_cast<std::size_t>(at)];
        for (; at > 0 && neighbor < list_[static_cast<std::size_t>(at - 1)]; --at) {
            list_[static_cast<std::size_t>(at)] = list_[static_cast<std::size_t>(at - 1)];
        }
        list_[static_cast<std::size_t>(at)] = neighbor;
    }

    Index k_;
    Index count_ = 0;
    std::vector<Neighbor> list_;
};

} // namespace deeprob::knn
