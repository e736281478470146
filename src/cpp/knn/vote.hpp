// Neighbours' labels into votes: what k-NN classification adds up.
#pragma once

#include "core/matrix.hpp"

namespace deeprob::knn {

// Adds weights (n_queries, k) to votes (n_queries, n_classes), each to the class number of its neighbour, in the order of the
// neighbours.
inline void add_votes(
    const core::ConstVector<std::int64_t>& labels, const core::ConstMatrix<std::int64_t>& neighbors,
    const core::ConstMatrix<double>& weights, core::Matrix<double>& votes
) {
    for (core::Index q = 0; q < neighbors.rows(); ++q) {
        for (core::Index i = 0; i < neighbors.cols(); ++i) {
            votes(q, labels(neighbors(q, i))) += weights(q, i);
        }
    }
}

} // namespace deeprob::knn
