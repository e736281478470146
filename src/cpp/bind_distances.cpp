// NumPy <-> the distance kernels: pairwise distances and top-k selection.
#include "bind_checks.hpp"
#include "knn/pairwise.hpp"
#include "knn/top_k.hpp"

namespace deeprob::bind {

namespace {

using core::Index;

template <class T>
py::tuple pairwise_distances(
    const py::array& x, const py::array& y, const std::string& metric, const core::ConstVector<double>& center,
    double scale, core::Matrix<T> out, int n_threads
) {
    const core::Rows x_rows = rows_of(x);
    const core::Rows y_rows = rows_of(y);
    require_rows("x", x_rows, center.size());
    require_rows("y", y_rows, center.size());
    require(
        out.rows() == x_rows.n_rows && out.cols() == y_rows.n_rows, "out",
        "must have a row for each of x, a column for each of y"
    );
    require_aligned("center", center);
    require_aligned("out", out);
    const auto report = without_gil([&] {
        const knn::Centering centering(knn::metric_named(metric), center.data(), center.size(), scale);
        return knn::pairwise_distances<T>(
            x_rows, y_rows, centering, out.data(), out.outerStride(), execution(n_threads)
        );
    });
    return py::make_tuple(report.unusable_x, report.unusable_y);
}

template <class T>
Index top_k(
    const py::array& array, Index k, bool largest, core::Matrix<T> out_values, core::Matrix<std::int64_t> out_indices,
    int n_threads
) {
    const core::ConstMatrix<T> values = matrix_of<T>("values", array);
    if (values.cols() > 1 && values.innerStride() != 1) throw py::type_error("values must have contiguous rows");
    require_aligned("values", values);
    require_range("k", k, 1, values.cols());
    require_shape("out_values", out_values, values.rows(), k);
    require_shape("out_indices", out_indices, values.rows(), k);
    return without_gil([&] {
        return knn::top_k<T>(values, k, largest, out_values, out_indices, execution(n_threads));
    });
}

template <class T> void bind_top_k(py::module_& m) {
    using namespace py::literals;
    m.def(
        "top_k", &top_k<T>, "values"_a.noconvert(), "k"_a, "largest"_a, "out_values"_a.noconvert(),
        "out_indices"_a.noconvert(), "n_threads"_a
    );
}

template <class T> void bind_pairwise(py::module_& m) {
    using namespace py::literals;
    m.def(
        "pairwise_distances", &pairwise_distances<T>, "x"_a.noconvert(), "y"_a.noconvert(), "metric"_a,
        "center"_a.noconvert(), "scale"_a, "out"_a.noconvert(), "n_threads"_a
    );
}

} // namespace

core::Rows rows_of(const py::array& array) {
    const bool matrix = array.ndim() == 2 && (array.flags() & py::detail::npy_api::NPY_ARRAY_ALIGNED_) != 0;
    if (!matrix || (array.size() > 0 && array.shape(1) > 1 && array.strides(1) != array.itemsize())) {
        throw py::type_error("rows must be a 2-D aligned array with contiguous rows");
    }
    const auto dtype = [&] {
        const char order = array.dtype().byteorder();
        if (order == '=' || order == '|') {
            switch (array.dtype().char_()) {
            case 'f': return core::Dtype::float32;
            case 'd': return core::Dtype::float64;
            case 'e': return core::Dtype::float16;
            case 'B': return core::Dtype::uint8;
            case 'b': return core::Dtype::int8;
            default: break;
            }
        }
        throw py::type_error("rows must be float32, float64, float16, uint8 or int8");
    }();
    return {static_cast<const std::byte*>(array.data()), array.shape(0), array.shape(1), array.strides(0), dtype};
}

void bind_distances(py::module_& m) {
    py::tuple names(knn::kMetricNames.size());
    for (std::size_t i = 0; i < knn::kMetricNames.size(); ++i) names[i] = py::str(std::string(knn::kMetricNames[i]));
    m.attr("METRICS") = names;
    bind_pairwise<float>(m);
    bind_pairwise<double>(m);
    bind_top_k<float>(m);
    bind_top_k<double>(m);
    bind_top_k<std::int64_t>(m);
}

} // namespace deeprob::bind
