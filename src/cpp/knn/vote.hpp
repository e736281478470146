// Neighbours' labels into votes, and votes into classes: what k-NN classification adds up.
#pragma once

#include "core/parallel.hpp"

#include <span>
#include <stdexcept>
#include <vector>

namespace deeprob::knn {

using core::Index;

// Class numbers of the training rows; neighbours of each query, nearest first, and what each one's vote weighs (not negative).
class Voters {
  public:
    Voters(
        std::span<const std::int64_t> labels, const core::ConstMatrix<std::int64_t>& neighbors,
        const core::ConstMatrix<double>& weights, Index n_classes
    )
        : labels_(labels), neighbors_(neighbors), weights_(weights), n_classes_(n_classes) {}

    [[nodiscard]] Index n_queries() const { return neighbors_.rows(); }
    [[nodiscard]] Index n_neighbors() const { return neighbors_.cols(); }
    [[nodiscard]] Index n_classes() const { return n_classes_; }

    // Both are checked where they are read: other threads may write to the arrays meanwhile.
    [[nodiscard]] double weight(Index query, Index i) const {
        const double weight = weights_(query, i);
        if (!(weight >= 0)) throw std::invalid_argument("weights must not be negative or NaN");
        return weight;
    }
    [[nodiscard]] Index label(Index query, Index i) const {
        const auto row = static_cast<std::size_t>(neighbors_(query, i));
        if (row >= labels_.size()) throw std::invalid_argument("neighbors must be numbers of training rows");
        const Index label = labels_[row];
        if (label < 0 || label >= n_classes_) throw std::invalid_argument("labels must be numbers of classes");
        return label;
    }

  private:
    std::span<const std::int64_t> labels_;
    core::ConstMatrix<std::int64_t> neighbors_;
    core::ConstMatrix<double> weights_;
    Index n_classes_;
};

// Calls vote(query, thread, stopped) for every query; it has to return when stopped(i) says so before the i-th neighbour, for one
// query may have millions of them.
template <class Vote> void for_each_query(const Voters& voters, const core::Execution& execution, const Vote& vote) {
    constexpr Index kVotesPerTask = Index{1} << 14;
    const Index block = std::max<Index>(1, kVotesPerTask / std::max<Index>(1, voters.n_neighbors()));
    const Index n_tasks = core::ceil_div(voters.n_queries(), block);
    core::parallel_for(n_tasks, execution, [&](Index task, int thread, core::LoopControl& control) {
        const auto stopped = [&](Index i) { return i % kVotesPerTask == 0 && control.stopped(thread); };
        const Index end = std::min(voters.n_queries(), (task + 1) * block);
        for (Index q = task * block; q < end; ++q) vote(q, thread, stopped);
    });
}

// Adds the weights (n_queries, k) to votes (n_queries, n_classes), each to the class of its neighbour, in the order of the
// neighbours.
inline void add_votes(const Voters& voters, core::Matrix<double>& votes, const core::Execution& execution) {
    for_each_query(voters, execution, [&](Index q, int, const auto& stopped) {
        for (Index i = 0; i < voters.n_neighbors(); ++i) {
            if (stopped(i)) return;
            votes(q, voters.label(q, i)) += voters.weight(q, i);
        }
    });
}

// The votes of one query at a time. Takes as long as there are neighbours, however many classes there are.
class Ballot {
  public:
    Ballot(Index n_classes, Index n_neighbors) : votes_(static_cast<std::size_t>(n_classes)) {
        elected_.reserve(static_cast<std::size_t>(std::min(n_classes, n_neighbors)));
    }

    void add(std::int64_t label, double weight) {
        if (votes(label) == 0 && weight > 0) elected_.push_back(label);
        votes(label) += weight;
    }

    // The n_top <= n_classes classes with the most votes, most first, equal votes by number.
    void rank(std::int64_t* top, Index n_top) {
        const Index count = std::min(std::ssize(elected_), n_top);
        std::partial_sort(
            elected_.begin(), elected_.begin() + count, elected_.end(),
            [&](std::int64_t a, std::int64_t b) { return is_before(a, b); }
        );
        auto* next = std::copy_n(elected_.begin(), count, top);
        for (std::int64_t label = 0; next != top + n_top; ++label) {
            if (votes(label) == 0) *next++ = label;
        }
    }

    void clear() {
        for (const std::int64_t label : elected_) votes(label) = 0;
        elected_.clear();
    }

  private:
    double& votes(std::int64_t label) { return votes_[static_cast<std::size_t>(label)]; }

    bool is_before(std::int64_t a, std::int64_t b) { return votes(a) > votes(b) || (votes(a) == votes(b) && a < b); }

    std::vector<double> votes_;
    std::vector<std::int64_t> elected_;
};

// For each query and each of several k, ascending: the classes that its k nearest neighbours elect, n_top of them.
// `ranked` is (n_queries, n_k * n_top).
inline void rank_classes(
    const Voters& voters, const core::ConstVector<std::int64_t>& k_values, core::Matrix<std::int64_t>& ranked,
    const core::Execution& execution
) {
    const Index n_top = ranked.cols() / k_values.size();
    const auto n_threads = static_cast<std::size_t>(core::team_size(voters.n_queries(), execution));
    std::vector<Ballot> ballots(n_threads, Ballot(voters.n_classes(), voters.n_neighbors()));
    for_each_query(voters, execution, [&](Index q, int thread, const auto& stopped) {
        Ballot& ballot = ballots[static_cast<std::size_t>(thread)];
        Index i = 0;
        for (Index choice = 0; choice < k_values.size(); ++choice) {
            for (; i < k_values(choice); ++i) {
                if (stopped(i)) return;
                ballot.add(voters.label(q, i), voters.weight(q, i));
            }
            ballot.rank(&ranked(q, choice * n_top), n_top);
        }
        ballot.clear();
    });
}

} // namespace deeprob::knn
