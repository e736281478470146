// NumPy <-> trees of boxes.
#include "bind_checks.hpp"
#include "bind_search.hpp"
#include "knn/boxes_build.hpp"
#include "knn/boxes_searches.hpp"

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

// values, rows, boxes
template <class T>
using TreeOut = std::tuple<core::MutableVector<T>, core::MutableVector<std::int32_t>, core::MutableVector<T>>;
template <class T>
using TreeRecord = std::tuple<core::ConstVector<T>, core::ConstVector<std::int32_t>, core::ConstVector<T>>;

template <class T> Index build_boxes(const py::array& train, const Labels& order, TreeOut<T> tree_out, int n_threads) {
    auto& [values, rows, boxes] = tree_out;
    const core::Rows input = rows_of(train);
    require_aligned("positions", order);
    const knn::Positions positions(span(order), input.n_rows);
    require_tree(positions.size(), input.n_features, values, rows, boxes);
    require_holds_values<T>(input);
    const knn::BoxTree<T> tree{values.data(), rows.data(), boxes.data()};
    return without_gil([&] { return knn::build_boxes(input, positions, tree, execution(n_threads)); });
}

// `wanted`: an OutputRecord or a RadiusRecord.
template <class T, class Wanted>
knn::SearchInput box_input(
    const RowsRecord& searched, knn::Metric metric, const TreeRecord<T>& tree, const py::array& queries,
    const Wanted& wanted
) {
    const auto& [values, rows, boxes] = tree;
    require(
        knn::is_euclidean(metric) || knn::is_absolute(metric), "metric",
        "must be euclidean, sqeuclidean, manhattan or chebyshev"
    );
    const knn::SearchInput input = search_input(searched, rows_of(queries), wanted);
    require_range("first_row", input.first_row, 0, 0);
    require_tree(input.positions.size(), input.train.n_features, values, rows, boxes);
    require_holds_values<T>(input.train);
    return input;
}

template <class T> knn::BoxTree<const T> box_tree(const TreeRecord<T>& tree) {
    const auto& [values, rows, boxes] = tree;
    return {values.data(), rows.data(), boxes.data()};
}

// The first unusable query, how many canonical distances it took, and how many rows were visited.
py::tuple facts_of(const knn::BoxReport& report) {
    return py::make_tuple(report.unusable_query, report.n_refined, report.n_visited);
}

template <class T>
py::tuple search_boxes(
    const RowsRecord& searched, const std::string& metric, const TreeRecord<T>& tree, const py::array& queries,
    OutputRecord output, int n_threads
) {
    const knn::Metric kind = knn::metric_named(metric);
    const knn::SearchInput input = box_input<T>(searched, kind, tree, queries, output);
    return facts_of(without_gil([&] {
        return knn::search_boxes(input, box_tree<T>(tree), kind, execution(n_threads), [&](knn::BoxSearches& searches) {
            searches.search(search_output(output));
        });
    }));
}

// Returns the arrays and the facts.
template <class T>
py::tuple search_boxes_radius(
    const RowsRecord& searched, const std::string& metric, const TreeRecord<T>& tree, const py::array& queries,
    const RadiusRecord& record, int n_threads
) {
    const knn::Metric kind = knn::metric_named(metric);
    const knn::SearchInput input = box_input<T>(searched, kind, tree, queries, record);
    const knn::Radius radius = radius_of(kind, record);
    auto lists = std::make_unique<knn::NeighborLists>(input.queries.n_rows, 1, 0, 0); // where nothing is searched
    const auto report = without_gil([&] {
        return knn::search_boxes(input, box_tree<T>(tree), kind, execution(n_threads), [&](knn::BoxSearches& searches) {
            lists = searches.search(radius);
        });
    });
    return py::make_tuple(arrays_of(*lists, kind, radius.count_only, n_threads), facts_of(report));
}

// Trees of one type of values.
template <class T> void bind_values(py::module_& m) {
    using namespace py::literals;
    m.def(
        "build_boxes", &build_boxes<T>, "train"_a.noconvert(), "positions"_a.noconvert(), "tree"_a.noconvert(),
        "n_threads"_a
    );
    m.def(
        "search_boxes", &search_boxes<T>, "rows"_a.noconvert(), "metric"_a, "tree"_a.noconvert(),
        "queries"_a.noconvert(), "output"_a.noconvert(), "n_threads"_a
    );
    m.def(
        "search_boxes_radius", &search_boxes_radius<T>, "rows"_a.noconvert(), "metric"_a, "tree"_a.noconvert(),
        "queries"_a.noconvert(), "radius"_a, "n_threads"_a
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
