// Orthonormal directions that hold most of what tells rows apart, by Eigen: small dense algebra, outside of any search.
#pragma once

#include "core/matrix.hpp"

#include <Eigen/Eigenvalues>
#include <Eigen/QR>

namespace deeprob::knn {

using core::Index;

// An orthonormal basis of what the columns span.
inline Eigen::MatrixXd orthonormal(const Eigen::MatrixXd& columns) {
    const Eigen::HouseholderQR<Eigen::MatrixXd> qr(columns);
    return qr.householderQ() * Eigen::MatrixXd::Identity(columns.rows(), columns.cols());
}

// Principal directions of centred rows, those of largest variance first, by randomised subspace iteration (Halko, Martinsson and
// Tropp 2011). `start`: a random row for each direction of the subspace, more than are wanted. Writes the rows of `directions`
// and returns how many there are: fewer where the sample has fewer, none where it is not finite or float32 cannot hold its
// products.
inline Index principal_directions(
    const core::ConstMatrix<float>& sample, const core::ConstMatrix<float>& start, core::Matrix<double>& directions
) {
    constexpr double kNegligible = 1e-9; // of the largest eigenvalue
    const Eigen::MatrixXf along = sample * start.transpose();
    const Eigen::MatrixXf spanned = sample.transpose() * along;
    if (!spanned.allFinite()) return 0;
    const Eigen::MatrixXd basis = orthonormal(spanned.cast<double>());
    const Eigen::MatrixXd coordinates = (sample * basis.cast<float>()).cast<double>();
    const Eigen::MatrixXd gram = coordinates.transpose() * coordinates;
    if (!gram.allFinite()) return 0;
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram); // eigenvalues ascend
    const auto& values = solver.eigenvalues();
    const double largest = values[values.size() - 1];
    if (solver.info() != Eigen::Success || !(largest > 0)) return 0;
    const auto n_usable = (values.array() > kNegligible * largest).count();
    const Index n = std::min<Index>(n_usable, directions.rows());
    directions.topRows(n) = (basis * solver.eigenvectors().rightCols(n).rowwise().reverse()).transpose();
    return n;
}

// A basis of the same subspace whose coordinates vary alike, which bytes fit best: the directions in a random rotation, made of
// `random`, a square matrix. Returns at least the Frobenius norm of B B^T - 1.
inline double rotated(
    const core::ConstMatrix<double>& directions, const core::ConstMatrix<double>& random, core::Matrix<float>& basis
) {
    constexpr double kRounding = 1e-9; // of this computation
    basis = (orthonormal(random) * directions).cast<float>();
    const Eigen::MatrixXd wide = basis.cast<double>();
    const Eigen::MatrixXd gram = wide * wide.transpose();
    return (gram - Eigen::MatrixXd::Identity(gram.rows(), gram.cols())).norm() + kRounding;
}

} // namespace deeprob::knn
