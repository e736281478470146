// NumPy <-> small linear algebra: eigenvectors, without the threads of NumPy's BLAS, which stay awake and disturb ours.
#include "bind.hpp"

#include <Eigen/Eigenvalues>

namespace deeprob::bind {

namespace {

// Of a symmetric matrix, eigenvalues ascending; row i of `vectors` belongs to value i.
void symmetric_eigen(
    const core::ConstMatrix<double>& matrix, core::MutableVector<double> values, core::Matrix<double> vectors
) {
    without_gil([&] {
        const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(matrix);
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
