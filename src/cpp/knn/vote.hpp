// Neighbours' labels into votes, and votes into classes: what k-NN classification adds up.
#pragma once

#include "core/parallel.hpp"

#include <vector>

namespace deeprob::knn {

using core::Index;

// Class numbers of the training rows; neighbours of each query, nearest first, and what each one's vote weighs (not negative).
struct Voters {
    const core::ConstVector<std::int64_t>& labels;
    const core::ConstMatrix<std::int64_t>& neighbors;
    const core::ConstMatrix<double>& weights;
};

// Adds the weights (n_queries, k) to votes (n_queries, n_classes), each to the class of its neighbour, in the order of the
// neighbours.
inline void add_votes(const Voters& voters, core::Matrix<double>& votes) {
    for (Index q = 0; q < voters.neighbors.rows(); ++q) {
        for (Index i = 0; i < voters.neighbors.cols(); ++i) {
            votes(q, voters.labels(voters.neighbors(q, i))) += voters.weights(q, i);
        }
    }
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
        Index count = 0;
        for (const std::int64_t label : elected_) {
            if (count == n_top && !is_before(label, top[n_top - 1])) continue;
            Index place = count < n_top ? count++ : n_top - 1;
            for (; place > 0 && is_before(label, top[place - 1]); --place) top[place] = top[place - 1];
            top[place] = label;
        }
        for (std::int64_t label = 0; count < n_top; ++label) {
            if (votes(label) == 0) top[count++] = label;
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
    const Voters& voters, const core::ConstVector<std::int64_t>& k_values, Index n_classes,
    core::Matrix<std::int64_t>& ranked, const core::Execution& execution
) {
    constexpr Index kBlock = 256;
    const Index n_queries = voters.neighbors.rows();
    const Index n_top = ranked.cols() / k_values.size();
    const Index n_tasks = (n_queries + kBlock - 1) / kBlock;
    const auto n_threads = static_cast<std::size_t>(core::team_size(n_tasks, execution));
    std::vector<Ballot> ballots(n_threads, Ballot(n_classes, voters.neighbors.cols()));
    core::parallel_for(n_tasks, execution, [&](Index task, int thread, core::LoopControl&) {
        Ballot& ballot = ballots[static_cast<std::size_t>(thread)];
        for (Index q = task * kBlock; q < std::min(n_queries, (task + 1) * kBlock); ++q) {
            Index i = 0;
            for (Index choice = 0; choice < k_values.size(); ++choice) {
                for (; i < k_values(choice); ++i) {
                    ballot.add(voters.labels(voters.neighbors(q, i)), voters.weights(q, i));
                }
                ballot.rank(ranked.data() + q * ranked.cols() + choice * n_top, n_top);
            }
            ballot.clear();
        }
    });
}

} // namespace deeprob::knn
