// NumPy <-> what is fitted to a sample of the rows: principal directions and clusters.
#include "bind_checks.hpp"
#include "knn/clusters.hpp"
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

// Returns how many clusters there are.
Index fit_clusters(const py::array& rows, core::Matrix<float> centers, int n_threads) {
    const core::Rows sample = rows_of(rows);
    require_rows("sample", sample, centers.cols());
    require(sample.dtype == core::Dtype::float32, "sample", "must be float32");
    require_range("the number of centers", centers.rows(), 1, sample.n_rows);
    require_shape("centers", centers, centers.rows(), sample.n_features);
    return without_gil([&] { return knn::fit_clusters(sample, centers, execution(n_threads)); });
}

void sort_into_clusters(
    const py::array& row_array, const py::array& center_array, core::MutableVector<std::int64_t> order,
    core::MutableVector<std::int64_t> starts, int n_threads
) {
    const core::Rows rows = rows_of(row_array);
    const core::Rows centers = rows_of(center_array);
    require_rows("rows", rows, centers.n_features);
    require(
        rows.dtype == core::Dtype::float32 && centers.dtype == core::Dtype::float32, "rows, centers", "must be float32"
    );
    require(centers.n_rows > 0, "centers", "must have at least one row");
    require_size("order", order, rows.n_rows);
    require_size("starts", starts, centers.n_rows + 1);
    without_gil([&] { knn::sort_into_clusters(rows, centers, order.data(), starts.data(), execution(n_threads)); });
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
    m.def("fit_clusters", &fit_clusters, "sample"_a.noconvert(), "centers"_a.noconvert(), "n_threads"_a);
    m.def(
        "sort_into_clusters", &sort_into_clusters, "rows"_a.noconvert(), "centers"_a.noconvert(), "order"_a.noconvert(),
        "starts"_a.noconvert(), "n_threads"_a
    );
}

} // namespace deeprob::bind
