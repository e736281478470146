// NumPy <-> what is fitted to a sample of the rows: principal directions.
#include "bind_checks.hpp"
#include "knn/directions.hpp"

namespace deeprob::bind {

namespace {

using core::Index;

// Returns how many directions there are.
Index principal_directions(
    const py::array& sample_array, const py::array& start_array, core::Matrix<double> directions
) {
    const auto sample = matrix_of<float>("sample", sample_array);
    const auto start = matrix_of<float>("start", start_array);
    require(sample.size() > 0 && start.rows() > 0, "sample, start", "must not be empty");
    require_aligned("sample", sample);
    require_aligned("start", start);
    require_range("the number of rows of start", start.rows(), 1, std::min(sample.rows(), sample.cols()));
    require_shape("start", start, start.rows(), sample.cols());
    require_shape("directions", directions, directions.rows(), sample.cols());
    return without_gil([&] { return knn::principal_directions(sample, start, directions); });
}

// Returns how far the basis is from orthonormal.
double rotated_directions(const py::array& direction_array, const py::array& random_array, core::Matrix<float> basis) {
    const auto directions = matrix_of<double>("directions", direction_array);
    const auto random = matrix_of<double>("random", random_array);
    require(directions.size() > 0, "directions", "must not be empty");
    require_aligned("directions", directions);
    require_range("the number of directions", directions.rows(), 1, directions.cols());
    require_shape("random", random, directions.rows(), directions.rows());
    require_shape("basis", basis, directions.rows(), directions.cols());
    return without_gil([&] { return knn::rotated(directions, random, basis); });
}

} // namespace

void bind_algebra(py::module_& m) {
    using namespace py::literals;
    m.def(
        "principal_directions", &principal_directions, "sample"_a.noconvert(), "start"_a.noconvert(),
        "directions"_a.noconvert()
    );
    m.def(
        "rotated_directions", &rotated_directions, "directions"_a.noconvert(), "random"_a.noconvert(),
        "basis"_a.noconvert()
    );
}

} // namespace deeprob::bind
