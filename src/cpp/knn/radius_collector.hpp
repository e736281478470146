// The neighbours that a task finds within a radius, or their numbers alone.
#pragma once

#include "core/borrowed.hpp"
#include "knn/neighbor_lists.hpp"
#include "knn/search.hpp"

namespace deeprob::knn {

// What is within reach.
struct Radius {
    double key;      // of neighbours, at most
    Index limit;     // of the neighbours of all queries
    bool count_only; // whether their numbers are all that is wanted
};

class RadiusCollector {
  public:
    RadiusCollector(core::Borrowed<SearchInput> input, const Radius& radius, Index most_queries)
        : input_(input), count_only_(radius.count_only), numbers_(static_cast<std::size_t>(most_queries)) {}

    void clear() {
        neighbors_.clear();
        std::ranges::fill(numbers_, 0);
    }

    // Keeps a distinct row and what is equal to it, as neighbours of query q of the task. Returns how many these are.
    Index keep(Index q, const Neighbor& neighbor) {
        Index& number = numbers_[static_cast<std::size_t>(q)];
        if (!input_.has_duplicates()) {
            if (!count_only_) neighbors_.push_back({neighbor, q});
            ++number;
            return 1;
        }
        const auto rows = duplicates_of(input_, neighbor.row);
        for (const Index row : count_only_ ? rows.first(0) : rows) neighbors_.push_back({{neighbor.key, row}, q});
        number += std::ssize(rows);
        return std::ssize(rows);
    }

    // Hands over what the first queries have.
    void store(Index task, Index n_queries, NeighborLists& lists) const {
        lists.store(task, std::span(numbers_).first(static_cast<std::size_t>(n_queries)), neighbors_);
    }

  private:
    const SearchInput& input_;
    bool count_only_;
    std::vector<Index> numbers_; // of neighbours, of each query
    std::vector<QueryNeighbor> neighbors_;
};

} // namespace deeprob::knn
