// NumPy <-> trees of boxes.
#include "bind.hpp"
#include "knn/boxes_build.hpp"
#include "knn/boxes_search.hpp"

namespace deeprob::bind {

namespace {

using core::Index;

template <class T>
Index build_boxes(
    const py::array& train, const Labels& representatives, core::MutableVector<T> values,
    core::MutableVector<std::int32_t> rows, core::MutableVector<T> boxes, int n_threads
) {
    const core::Rows input = rows_of(train);
    const Index n_positions = representatives.size() == 0 ? input.n_rows : representatives.size();
    return without_gil([&] {
        const knn::BoxTree<T> tree{values.data(), rows.data(), boxes.data()};
        return knn::build_boxes(input, or_null(representatives), n_positions, tree, execution(n_threads));
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
    const knn::SearchInput search{
        .train = input,
        .representatives = or_null(representatives),
        .n_positions = representatives.size() == 0 ? input.n_rows : representatives.size(),
        .group_starts = or_null(group_starts),
        .group_members = group_members.data(),
        .queries = rows_of(queries),
        .k = distances.cols(),
        .first_row = 0,
        .distances = distances.data(),
        .indices = indices.data(),
    };
    const auto report = without_gil([&] {
        const knn::BoxTree<const T> tree{values.data(), rows.data(), boxes.data()};
        const knn::SearchOutput output{distances.data(), indices.data()};
        return knn::search_boxes(search, tree, knn::metric_named(metric), output, execution(n_threads));
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
