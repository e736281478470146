// NumPy <-> trees of boxes.
#include "bind_checks.hpp"
#include "bind_search.hpp"
#include "knn/boxes_build.hpp"
#include "knn/boxes_search.hpp"

namespace deeprob::bind {

namespace {

using core::Index;

// Checks that the arrays of a tree are as large as its shape says.
template <class Values, class Rows, class Boxes>
void require_tree(Index n_positions, Index n_features, const Values& values, const Rows& rows, const Boxes& boxes) {
    require_range("the number of rows", n_positions, 1, knn::kMaxBoxRows);
    require_range("the number of features", n_features, 1, knn::kMaxBoxFeatures);
    const knn::BoxShape shape(n_positions, n_features);
    require_size("values", values, shape.n_leaves * shape.leaf_size());
    require_size("rows", rows, shape.n_leaves * knn::kLeafRows);
    require_size("boxes", boxes, shape.n_nodes() * shape.node_size());
}

// Float leaves hold every type but float64 as it is.
template <class T> void require_holds_values(const core::Rows& rows) {
    require(
        std::is_same_v<T, double> || rows.dtype != core::Dtype::float64, "values", "must be float64 for rows of float64"
    );
}

template <class T>
Index build_boxes(
    const py::array& train, const Labels& representatives, core::MutableVector<T> values,
    core::MutableVector<std::int32_t> rows, core::MutableVector<T> boxes, int n_threads
) {
    const core::Rows input = rows_of(train);
    require_aligned("representatives", representatives);
    const knn::Positions positions(span(representatives), input.n_rows);
    require_tree(positions.size(), input.n_features, values, rows, boxes);
    require_holds_values<T>(input);
    return without_gil([&] {
        const knn::BoxTree<T> tree{values.data(), rows.data(), boxes.data()};
        return knn::build_boxes(input, positions, tree, execution(n_threads));
    });
}

// Returns the first unusable query, how many canonical distances it took, and how many rows were visited.
template <class T>
py::tuple search_boxes(
    const py::array& train, const Labels& representatives, const Labels& group_starts, const Labels& group_members,
    const std::string& metric, const core::ConstVector<T>& values, const core::ConstVector<std::int32_t>& rows,
    const core::ConstVector<T>& boxes, const py::array& queries, core::Matrix<double> distances,
    core::Matrix<std::int64_t> indices, int n_threads
) {
    const core::Rows input = rows_of(train);
    const knn::Metric kind = knn::metric_named(metric);
    require(
        knn::is_euclidean(kind) || kind == knn::Metric::manhattan, "metric",
        "must be euclidean, sqeuclidean or manhattan"
    );
    const knn::SearchInput search =
        search_input(input, representatives, group_starts, group_members, 0, rows_of(queries), distances, indices);
    require_tree(search.positions.size(), input.n_features, values, rows, boxes);
    require_holds_values<T>(input);
    const auto report = without_gil([&] {
        const knn::BoxTree<const T> tree{values.data(), rows.data(), boxes.data()};
        const knn::SearchOutput output{distances.data(), indices.data()};
        return knn::search_boxes(search, tree, kind, output, execution(n_threads));
    });
    return py::make_tuple(report.unusable_query, report.n_refined, report.n_visited);
}

// Trees of one type of values.
template <class T> void bind_values(py::module_& m) {
    using namespace py::literals;
    m.def(
        "build_boxes", &build_boxes<T>, "train"_a.noconvert(), "representatives"_a.noconvert(), "values"_a.noconvert(),
        "rows"_a.noconvert(), "boxes"_a.noconvert(), "n_threads"_a
    );
    m.def(
        "search_boxes", &search_boxes<T>, "train"_a.noconvert(), "representatives"_a.noconvert(),
        "group_starts"_a.noconvert(), "group_members"_a.noconvert(), "metric"_a, "values"_a.noconvert(),
        "rows"_a.noconvert(), "boxes"_a.noconvert(), "queries"_a.noconvert(), "distances"_a.noconvert(),
        "indices"_a.noconvert(), "n_threads"_a
    );
}

} // namespace

void bind_boxes(py::module_& m) {
    using namespace py::literals;
    m.def("max_box_features", [] { return knn::kMaxBoxFeatures; });
    m.def("max_box_rows", [] { return knn::kMaxBoxRows; });
    // The sizes of a tree's arrays.
    m.def(
        "box_sizes",
        [](Index n_positions, Index n_features) {
            require_range("n_positions", n_positions, 1, knn::kMaxBoxRows);
            require_range("n_features", n_features, 1, knn::kMaxBoxFeatures);
            const knn::BoxShape shape(n_positions, n_features);
            return py::make_tuple(
                shape.n_leaves * shape.leaf_size(), shape.n_leaves * knn::kLeafRows, shape.n_nodes() * shape.node_size()
            );
        },
        "n_positions"_a, "n_features"_a
    );
    bind_values<float>(m);
    bind_values<double>(m);
}

} // namespace deeprob::bind
