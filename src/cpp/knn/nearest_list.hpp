// The nearest rows found so far, and the sums that cannot be among them any more.
#pragma once

#include "knn/candidates.hpp"

#include <limits>
#include <span>
#include <vector>

namespace deeprob::knn {

// The k first of the neighbours inserted so far: a sorted list if k is small, else a heap.
class NearestList {
  public:
    explicit NearestList(Metric metric, Index k) : metric_(metric), k_(k), list_(static_cast<std::size_t>(k)) {}

    void clear() {
        count_ = 0;
        limit_ = std::numeric_limits<double>::infinity();
    }

    // Sums above the limit belong to no neighbour that could be inserted.
    [[nodiscard]] double limit() const { return limit_; }

    void insert(double sum, Index row) {
        const Neighbor neighbor{key_of_sum(metric_, sum), row};
        Neighbor* const list = list_.data();
        if (count_ < k_) {
            list[count_++] = neighbor;
            if (k_ > kFew) {
                if (count_ == k_) std::make_heap(list, list + k_);
            } else {
                sink(count_ - 1);
            }
        } else if (k_ > kFew) {
            if (!(neighbor < list[0])) return;
            std::pop_heap(list, list + k_);
            list[k_ - 1] = neighbor;
            std::push_heap(list, list + k_);
        } else {
            if (!(neighbor < list[k_ - 1])) return;
            list[k_ - 1] = neighbor;
            sink(k_ - 1);
        }
        if (count_ == k_) limit_ = limit_of(list[k_ > kFew ? 0 : k_ - 1].key);
    }

    // In ascending order; ends the list. Fewer than k rows were seen only if the tree has lost some.
    std::span<const Neighbor> sorted() {
        if (count_ < k_) throw_damaged();
        if (k_ > kFew) std::ranges::sort_heap(list_, [](const Neighbor& a, const Neighbor& b) { return a < b; });
        return list_;
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

    // Sums whose key equals the worst must pass: a smaller row may have it.
    [[nodiscard]] double limit_of(double worst) const {
        return metric_ == Metric::euclidean ? largest_square_of(worst) : worst;
    }

    Metric metric_;
    Index k_;
    Index count_ = 0;
    double limit_ = 0;
    std::vector<Neighbor> list_;
};

} // namespace deeprob::knn
