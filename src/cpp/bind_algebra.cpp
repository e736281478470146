// NumPy <-> small linear algebra: eigenvectors, without the threads of NumPy's BLAS, which stay awake and disturb ours.
#include "bind_checks.hpp"

#include <Eigen/Eigenvalues>

namespace deeprob::bind {

namespace {

// Of a symmetric matrix, eigenvalues ascending; row i of `vectors` belongs to value i.
void symmetric_eigen(const py::array& array, core::MutableVector<double> values, core::Matrix<double> vectors) {
    const auto matrix = matrix_of<double>("matrix", array);
    require_shape("matrix", matrix, matrix.rows(), matrix.rows());
    require_size("values", values, matrix.rows());
    require_shape("vectors", vectors, matrix.rows(), matrix.rows());
    require(matrix.size() > 0 && matrix.allFinite(), "matrix", "must be finite and have at least one row");
    without_gil([&] {
        const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(matrix);
        require(solver.info() == Eigen::Success, "matrix", "has eigenvalues that do not converge");
        values = solver.eigenvalues();
        vectors = solver.eigenvectors().transpose();
        return 0;
    });
}

} // namespace

void bind_algebra(py::module_& m) {
    using namespace py::literals;
    m.def("symmetric_eigen", &symmetric_eigen, "matrix"_a.noconvert(), "values"_a.noconvert(), "vectors"_a.noconvert());
}

} // namespace deeprob::bind
