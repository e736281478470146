// NumPy <-> the k-NN kernels: packing and search.
#include "bind_search.hpp"
#include "knn/projection.hpp"
#include "knn/scan.hpp"

#include <array>
#include <type_traits>

namespace deeprob::bind {

namespace {

using core::Index;

// What the dtype of a packing says about its filter.
template <class T>
using PackerOf = std::conditional_t<std::is_same_v<T, float>, knn::DensePacker<float>, knn::IntegerPacker>;

template <class T>
PackerOf<T> packer(core::Borrowed<knn::Surrogate> surrogate, const core::ConstVector<double>& errors) {
    if constexpr (std::is_same_v<T, float>) {
        return knn::DensePacker<float>(surrogate);
    } else {
        return knn::IntegerPacker(surrogate, errors.size() == 0 ? nullptr : errors.data());
    }
}

// Measures cross the border as rows of doubles.
template <class T> constexpr Index n_measures() {
    return static_cast<Index>(sizeof(typename PackerOf<T>::Measure) / sizeof(double));
}
template <class T> auto* measures_of(double* values) {
    return reinterpret_cast<typename PackerOf<T>::Measure*>(values);
}

// Words of a packed row or query.
template <class T> Index depth_of(Index n_features) {
    return std::is_same_v<T, float> ? n_features : knn::n_words(n_features);
}

// Checks that the columns to pack fit their surrogates and, in bytes, the sums of their products.
template <class T>
void require_columns(const char* name, const core::Rows& rows, const core::ConstVector<double>& center) {
    require_rows(name, rows, center.size());
    require_aligned("center", center);
    if (!std::is_same_v<T, float>) require_range("the number of columns", center.size(), 1, knn::kMaxByteColumns);
}

// Checks packed rows, by position, of that many columns.
template <class Panels, class Bias, class Bounds>
void require_packing(
    Index n_positions, Index n_columns, const Panels& panels, const Bias& bias, const Bounds& norm, const Bounds& slack
) {
    using T = typename Panels::Scalar;
    const Index n_panels = core::ceil_div(n_positions, core::kPanelRows<T>);
    require_size("panels", panels, product({n_panels, core::kPanelRows<T>, depth_of<T>(n_columns)}));
    require_size("bias", bias, n_panels * core::kPanelRows<T>);
    require_size("norm", norm, n_panels);
    require_size("slack", slack, n_panels);
}

// Checks packed queries of that many columns.
template <class Groups, class Measures>
void require_query_groups(Index n_queries, Index n_columns, const Groups& groups, const Measures& measures) {
    using T = typename Groups::Scalar;
    const Index n_groups = core::ceil_div(n_queries, core::kTileQueries);
    require_size("query_groups", groups, product({n_groups, core::kTileQueries, depth_of<T>(n_columns)}));
    require_shape("query_measures", measures, n_queries, n_measures<T>());
}

constexpr std::array kByteNames{"bytes", "squares", "residuals"};
constexpr std::array kQueryByteNames{"query_bytes", "query_squares", "query_residuals"};

// Checks rows in bytes.
template <class Bytes, class Words, class Floats>
void require_bytes(
    const std::array<const char*, 3>& names, Index n_rows, Index n_features, const Bytes& bytes, const Words& squares,
    const Floats& residuals
) {
    require_size(names[0], bytes, product({n_rows, knn::byte_stride(n_features)}));
    // They are read as words of four.
    if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(std::int32_t) != 0) {
        refuse(names[0], "must be aligned");
    }
    require_size(names[1], squares, n_rows);
    require_size(names[2], residuals, n_rows);
}

void require_errors(const core::ConstVector<double>& errors, Index n_rows) {
    if (errors.size() > 0) require_size("errors", errors, n_rows);
}

template <class T>
py::dict pack(
    const py::array& train, const Labels& representatives, const std::string& metric,
    const core::ConstVector<double>& center, double scale, core::MutableVector<T> panels, core::MutableVector<T> bias,
    core::MutableVector<float> norm, core::MutableVector<float> slack, const core::ConstVector<double>& errors,
    int n_threads
) {
    const core::Rows rows = rows_of(train);
    require_aligned("representatives", representatives);
    const knn::Positions positions(span(representatives), rows.n_rows);
    require_columns<T>("train", rows, center);
    require_packing(positions.size(), center.size(), panels, bias, norm, slack);
    require_errors(errors, rows.n_rows);
    const auto report = without_gil([&] {
        const knn::Surrogate surrogate(knn::metric_named(metric), center.data(), center.size(), scale);
        const knn::Packed<T> packed{panels.data(), bias.data(), norm.data(), slack.data()};
        return knn::pack(rows, positions, packer<T>(surrogate, errors), packed, execution(n_threads));
    });
    py::dict result;
    result["unusable_row"] = report.unusable_row;
    result["largest_norm"] = report.largest_norm;
    result["integral"] = report.integral;
    return result;
}

template <class T>
Index pack_queries(
    const py::array& queries, const std::string& metric, const core::ConstVector<double>& center, double scale,
    core::MutableVector<T> groups, core::Matrix<double> measures, const core::ConstVector<double>& errors, int n_threads
) {
    const core::Rows rows = rows_of(queries);
    require_columns<T>("queries", rows, center);
    require_query_groups(rows.n_rows, center.size(), groups, measures);
    require_errors(errors, rows.n_rows);
    return without_gil([&] {
        const knn::Surrogate surrogate(knn::metric_named(metric), center.data(), center.size(), scale);
        return knn::pack_queries(
            rows, packer<T>(surrogate, errors), groups.data(), measures_of<T>(measures.data()), execution(n_threads)
        );
    });
}

// Returns the number of pairs that passed the filter and that of canonical distances.
py::tuple counts_of(const knn::SearchCounts& counts) { return py::make_tuple(counts.passed, counts.refined); }

template <class T>
py::tuple search(
    const py::array& train, const Labels& representatives, const Labels& group_starts, const Labels& group_members,
    const std::string& metric, const core::ConstVector<double>& center, double scale,
    const core::ConstVector<T>& panels, const core::ConstVector<T>& bias, const core::ConstVector<float>& norm,
    const core::ConstVector<float>& slack, double largest_norm, bool integral, Index first_row,
    const py::array& queries, const core::ConstVector<T>& query_groups, core::Matrix<double> query_measures,
    core::Matrix<double> distances, core::Matrix<std::int64_t> indices, int n_threads
) {
    const knn::SearchInput input = search_input(
        rows_of(train), representatives, group_starts, group_members, first_row, rows_of(queries), distances, indices
    );
    require_columns<T>("train", input.train, center);
    require_packing(input.positions.size(), center.size(), panels, bias, norm, slack);
    require_query_groups(input.queries.n_rows, center.size(), query_groups, query_measures);
    return counts_of(without_gil([&] {
        const knn::Surrogate surrogate(knn::metric_named(metric), center.data(), center.size(), scale);
        const knn::Packed<const T> packed{panels.data(), bias.data(), norm.data(), slack.data()};
        const auto* const measures = measures_of<T>(query_measures.data());
        const auto filter = [&] {
            if constexpr (std::is_same_v<T, float>) {
                return knn::DenseFilter(surrogate, packed, largest_norm, integral, query_groups.data(), measures);
            } else {
                return knn::IntegerFilter(
                    surrogate, packed, query_groups.data(), measures, input.queries.n_rows, input.queries.n_features
                );
            }
        }();
        const knn::SearchOutput output{distances.data(), indices.data()};
        return knn::search(input, filter, surrogate.metric, output, execution(n_threads));
    }));
}

using Bytes = core::ConstVector<std::int8_t>;
using Words = core::ConstVector<std::int32_t>;
using Floats = core::ConstVector<float>;

// `scale` and `prefix_scale`: of the rows' bytes and of the prefix'.
// NOLINTNEXTLINE(readability-function-size): a check for each argument
py::tuple search_prefix(
    const py::array& train, const Labels& representatives, const Labels& group_starts, const Labels& group_members,
    const std::string& metric, const core::ConstVector<double>& center, double scale, const Bytes& bytes,
    const Words& squares, const Floats& residuals, const core::ConstVector<double>& prefix_center, double prefix_scale,
    const Words& panels, const Words& bias, const Floats& norm, const Floats& slack, const Labels& run_starts,
    const Labels& run_cells, const py::array& center_array, Index first_row, const py::array& queries,
    const py::array& query_column_array, const Bytes& query_bytes, const Words& query_squares,
    const Floats& query_residuals, const Words& query_groups, core::Matrix<double> query_measures,
    core::Matrix<double> distances, core::Matrix<std::int64_t> indices, int n_threads
) {
    const knn::SearchInput input = search_input(
        rows_of(train), representatives, group_starts, group_members, first_row, rows_of(queries), distances, indices
    );
    const auto centers = matrix_of<float>("centers", center_array);
    const auto query_columns = matrix_of<float>("query_columns", query_column_array);
    const Index n_queries = input.queries.n_rows;
    const Index n_columns = prefix_center.size();
    // Where rows are grouped, their bytes lie by position, else by row.
    const knn::Positions places(
        input.grouped() ? std::span<const Index>() : span(representatives), input.positions.size()
    );
    require_columns<std::int32_t>("train", input.train, center);
    require_aligned("prefix_center", prefix_center);
    require_range("the number of prefix columns", n_columns, 1, knn::kMaxByteColumns);
    require_bytes(kByteNames, places.size(), center.size(), bytes, squares, residuals);
    require_bytes(kQueryByteNames, n_queries, center.size(), query_bytes, query_squares, query_residuals);
    require_packing(input.positions.size(), n_columns, panels, bias, norm, slack);
    require_query_groups(n_queries, n_columns, query_groups, query_measures);
    require_size("run_starts", run_starts, run_cells.size() == 0 ? run_starts.size() : run_cells.size() + 1);
    require_within("run_cells", run_cells, centers.rows());
    if (run_cells.size() > 0) {
        require_shape("centers", centers, centers.rows(), n_columns);
        require_shape("query_columns", query_columns, n_queries, n_columns);
    }
    return counts_of(without_gil([&] {
        const knn::Surrogate surrogate(knn::metric_named(metric), center.data(), center.size(), scale);
        const knn::Surrogate prefix_surrogate(
            surrogate.metric, prefix_center.data(), prefix_center.size(), prefix_scale
        );
        const knn::IntegerFilter prefix(
            prefix_surrogate, {panels.data(), bias.data(), norm.data(), slack.data()}, query_groups.data(),
            measures_of<std::int32_t>(query_measures.data()), n_queries, input.queries.n_features
        );
        const knn::PrefixFilter filter(
            prefix, prefix_scale, surrogate, {bytes.data(), squares.data(), residuals.data()}, places,
            {query_bytes.data(), query_squares.data(), query_residuals.data()},
            {span(run_starts), span(run_cells), centers.data(), query_columns.data(), centers.cols()}
        );
        const knn::SearchOutput output{distances.data(), indices.data()};
        return knn::search(input, filter, surrogate.metric, output, execution(n_threads));
    }));
}

// Returns the first unusable row and query.
py::tuple scan(
    const py::array& train, const std::string& metric, const py::array& queries, core::Matrix<double> distances,
    core::Matrix<std::int64_t> indices, int n_threads
) {
    const Labels none(Eigen::VectorX<std::int64_t>{});
    const knn::SearchInput input =
        search_input(rows_of(train), none, none, none, 0, rows_of(queries), distances, indices);
    require_range("k", input.k, 1, input.train.n_rows);
    const auto report = without_gil([&] {
        return knn::scan(input, knn::metric_named(metric), {distances.data(), indices.data()}, execution(n_threads));
    });
    return py::make_tuple(report.unusable_row, report.unusable_query);
}

// `scale`: of the rows' bytes.
Index project(
    const py::array& rows, const std::string& metric, const core::ConstVector<double>& center, double scale,
    const py::array& basis_array, double defect, bool queries, core::Matrix<float> columns,
    core::MutableVector<double> errors, core::MutableVector<std::int8_t> bytes,
    core::MutableVector<std::int32_t> squares, core::MutableVector<float> residuals, int n_threads
) {
    const core::Rows input = rows_of(rows);
    require_columns<std::int32_t>("rows", input, center);
    const auto basis = matrix_of<float>("basis", basis_array);
    require_shape("basis", basis, basis.rows(), center.size());
    require_range("the number of directions", basis.rows(), 1, knn::kMaxByteColumns - 1);
    require_shape("columns", columns, input.n_rows, basis.rows() + 1);
    require_size("errors", errors, input.n_rows);
    require_bytes(kByteNames, input.n_rows, center.size(), bytes, squares, residuals);
    return without_gil([&] {
        const knn::Surrogate surrogate(knn::metric_named(metric), center.data(), center.size(), scale);
        const knn::Projection projection{basis.data(), basis.rows(), defect};
        const knn::Columns out{columns.data(), errors.data(), {bytes.data(), squares.data(), residuals.data()}};
        const auto role = queries ? knn::ByteRole::query : knn::ByteRole::training_row;
        return knn::project(input, surrogate, projection, role, out, execution(n_threads));
    });
}

// Packings of one filter.
template <class T> void bind_filter(py::module_& m) {
    using namespace py::literals;
    m.def(
        "pack", &pack<T>, "train"_a.noconvert(), "representatives"_a.noconvert(), "metric"_a, "center"_a.noconvert(),
        "scale"_a, "panels"_a.noconvert(), "bias"_a.noconvert(), "norm"_a.noconvert(), "slack"_a.noconvert(),
        "errors"_a.noconvert(), "n_threads"_a
    );
    m.def(
        "pack_queries", &pack_queries<T>, "queries"_a.noconvert(), "metric"_a, "center"_a.noconvert(), "scale"_a,
        "groups"_a.noconvert(), "measures"_a.noconvert(), "errors"_a.noconvert(), "n_threads"_a
    );
    m.def(
        "search", &search<T>, "train"_a.noconvert(), "representatives"_a.noconvert(), "group_starts"_a.noconvert(),
        "group_members"_a.noconvert(), "metric"_a, "center"_a.noconvert(), "scale"_a, "panels"_a.noconvert(),
        "bias"_a.noconvert(), "norm"_a.noconvert(), "slack"_a.noconvert(), "largest_norm"_a, "integral"_a,
        "first_row"_a, "queries"_a.noconvert(), "query_groups"_a.noconvert(), "query_measures"_a.noconvert(),
        "distances"_a.noconvert(), "indices"_a.noconvert(), "n_threads"_a
    );
}

// What the prefix filter needs besides, and the search without a filter.
void bind_prefix(py::module_& m) {
    using namespace py::literals;
    m.def(
        "byte_stride",
        [](Index n_features) {
            require_range("n_features", n_features, 0, std::numeric_limits<std::int32_t>::max());
            return knn::byte_stride(n_features);
        },
        "n_features"_a
    );
    m.def(
        "search_prefix", &search_prefix, "train"_a.noconvert(), "representatives"_a.noconvert(),
        "group_starts"_a.noconvert(), "group_members"_a.noconvert(), "metric"_a, "center"_a.noconvert(), "scale"_a,
        "bytes"_a.noconvert(), "squares"_a.noconvert(), "residuals"_a.noconvert(), "prefix_center"_a.noconvert(),
        "prefix_scale"_a, "panels"_a.noconvert(), "bias"_a.noconvert(), "norm"_a.noconvert(), "slack"_a.noconvert(),
        "run_starts"_a.noconvert(), "run_cells"_a.noconvert(), "centers"_a.noconvert(), "first_row"_a,
        "queries"_a.noconvert(), "query_columns"_a.noconvert(), "query_bytes"_a.noconvert(),
        "query_squares"_a.noconvert(), "query_residuals"_a.noconvert(), "query_groups"_a.noconvert(),
        "query_measures"_a.noconvert(), "distances"_a.noconvert(), "indices"_a.noconvert(), "n_threads"_a
    );
    m.def(
        "scan", &scan, "train"_a.noconvert(), "metric"_a, "queries"_a.noconvert(), "distances"_a.noconvert(),
        "indices"_a.noconvert(), "n_threads"_a
    );
    m.def(
        "project", &project, "rows"_a.noconvert(), "metric"_a, "center"_a.noconvert(), "scale"_a, "basis"_a.noconvert(),
        "defect"_a, "queries"_a, "columns"_a.noconvert(), "errors"_a.noconvert(), "bytes"_a.noconvert(),
        "squares"_a.noconvert(), "residuals"_a.noconvert(), "n_threads"_a
    );
}

} // namespace

void bind_knn(py::module_& m) {
    using namespace py::literals;
    m.def("max_threads", &core::max_threads);
    m.def("panel_rows", [] { return core::kPanelRows<float>; });
    m.def("group_queries", [] { return core::kTileQueries; });
    m.def(
        "byte_range",
        [](const std::string& metric) {
            const knn::ByteRange range = knn::byte_range(knn::metric_named(metric));
            return py::make_tuple(range.lowest, range.highest);
        },
        "metric"_a
    );
    m.def("max_byte_columns", [] { return knn::kMaxByteColumns; });
    bind_filter<float>(m);
    bind_filter<std::int32_t>(m);
    bind_prefix(m);
}

} // namespace deeprob::bind
