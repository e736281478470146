// NumPy <-> the k-NN kernels: packing, search, votes.
#include "bind.hpp"
#include "knn/group.hpp"
#include "knn/projection.hpp"
#include "knn/scan.hpp"
#include "knn/vote.hpp"

#include <type_traits>

namespace deeprob::bind {

namespace {

using core::Index;

// What the dtype of a packing says about its filter.
template <class T>
using PackerOf = std::conditional_t<std::is_same_v<T, float>, knn::DensePacker<float>, knn::IntegerPacker>;

template <class T> PackerOf<T> packer(const knn::Surrogate& surrogate, const core::ConstVector<double>& errors) {
    if constexpr (std::is_same_v<T, float>) {
        return knn::DensePacker<float>(surrogate);
    } else {
        return knn::IntegerPacker(surrogate, errors.size() == 0 ? nullptr : errors.data());
    }
}

template <class T>
py::dict pack(
    const py::array& train, const Labels& representatives, const std::string& metric,
    const core::ConstVector<double>& center, double scale, core::MutableVector<T> panels, core::MutableVector<T> bias,
    core::MutableVector<float> norm, core::MutableVector<float> slack, const core::ConstVector<double>& errors,
    int n_threads
) {
    const core::Rows rows = rows_of(train);
    const Index n_positions = representatives.size() == 0 ? rows.n_rows : representatives.size();
    const auto report = without_gil([&] {
        const knn::Surrogate surrogate(knn::metric_named(metric), center.data(), center.size(), scale);
        const knn::Packed<T> packed{panels.data(), bias.data(), norm.data(), slack.data()};
        return knn::pack(
            rows, or_null(representatives), n_positions, packer<T>(surrogate, errors), packed, execution(n_threads)
        );
    });
    py::dict result;
    result["unusable_row"] = report.unusable_row;
    result["largest_norm"] = report.largest_norm;
    result["integral"] = report.integral;
    return result;
}

// Measures cross the border as rows of doubles.
template <class T> auto* measures_of(double* values) {
    using Measure = typename PackerOf<T>::Measure;
    static_assert(sizeof(Measure) == (std::is_same_v<T, float> ? 5 : 8) * sizeof(double));
    return reinterpret_cast<Measure*>(values);
}

template <class T>
Index pack_queries(
    const py::array& queries, const std::string& metric, const core::ConstVector<double>& center, double scale,
    core::MutableVector<T> groups, core::Matrix<double> measures, const core::ConstVector<double>& errors, int n_threads
) {
    const core::Rows rows = rows_of(queries);
    return without_gil([&] {
        const knn::Surrogate surrogate(knn::metric_named(metric), center.data(), center.size(), scale);
        return knn::pack_queries(
            rows, packer<T>(surrogate, errors), groups.data(), measures_of<T>(measures.data()), execution(n_threads)
        );
    });
}

knn::SearchInput search_input(
    const py::array& train, const Labels& representatives, const Labels& group_starts, const Labels& group_members,
    Index first_row, const py::array& queries, const core::Matrix<double>& distances,
    const core::Matrix<std::int64_t>& indices
) {
    return {
        .train = rows_of(train),
        .representatives = or_null(representatives),
        .n_positions = representatives.size() == 0 ? static_cast<Index>(train.shape(0)) : representatives.size(),
        .group_starts = or_null(group_starts),
        .group_members = group_members.data(),
        .queries = rows_of(queries),
        .k = distances.cols(),
        .first_row = first_row,
        .distances = distances.data(),
        .indices = indices.data(),
    };
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
    const knn::SearchInput input =
        search_input(train, representatives, group_starts, group_members, first_row, queries, distances, indices);
    return counts_of(without_gil([&] {
        const knn::Surrogate surrogate(knn::metric_named(metric), center.data(), center.size(), scale);
        const knn::Packed<const T> packed{panels.data(), bias.data(), norm.data(), slack.data()};
        const auto* const measures = measures_of<T>(query_measures.data());
        const auto filter = [&] {
            if constexpr (std::is_same_v<T, float>) {
                return knn::DenseFilter(surrogate, packed, largest_norm, integral, query_groups.data(), measures);
            } else {
                return knn::IntegerFilter(surrogate, packed, query_groups.data(), measures, input.queries.n_features);
            }
        }();
        const knn::SearchOutput output{distances.data(), indices.data()};
        return knn::search(input, filter, surrogate.metric, output, execution(n_threads));
    }));
}

std::span<const Index> span(const Labels& values) { return {values.data(), static_cast<std::size_t>(values.size())}; }

using Bytes = core::ConstVector<std::int8_t>;
using Words = core::ConstVector<std::int32_t>;
using Floats = core::ConstVector<float>;

// `scale` and `prefix_scale`: of the rows' bytes and of the prefix'.
py::tuple search_prefix(
    const py::array& train, const Labels& representatives, const Labels& group_starts, const Labels& group_members,
    const std::string& metric, const core::ConstVector<double>& center, double scale, const Bytes& bytes,
    const Words& squares, const Floats& residuals, const core::ConstVector<double>& prefix_center, double prefix_scale,
    const Words& panels, const Words& bias, const Floats& norm, const Floats& slack, const Labels& run_starts,
    const Labels& run_cells, const core::ConstMatrix<float>& centers, Index first_row, const py::array& queries,
    const core::ConstMatrix<float>& query_columns, const Bytes& query_bytes, const Words& query_squares,
    const Floats& query_residuals, const Words& query_groups, core::Matrix<double> query_measures,
    core::Matrix<double> distances, core::Matrix<std::int64_t> indices, int n_threads
) {
    const knn::SearchInput input =
        search_input(train, representatives, group_starts, group_members, first_row, queries, distances, indices);
    return counts_of(without_gil([&] {
        const knn::Surrogate surrogate(knn::metric_named(metric), center.data(), center.size(), scale);
        const knn::Surrogate prefix_surrogate(
            surrogate.metric, prefix_center.data(), prefix_center.size(), prefix_scale
        );
        const knn::IntegerFilter prefix(
            prefix_surrogate, {panels.data(), bias.data(), norm.data(), slack.data()}, query_groups.data(),
            measures_of<std::int32_t>(query_measures.data()), input.queries.n_features
        );
        const knn::PrefixFilter filter(
            prefix, prefix_scale, surrogate, {bytes.data(), squares.data(), residuals.data()},
            input.group_starts == nullptr ? input.representatives : nullptr,
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
    const knn::SearchInput input = search_input(train, none, none, none, 0, queries, distances, indices);
    const auto report = without_gil([&] {
        return knn::scan(input, knn::metric_named(metric), {distances.data(), indices.data()}, execution(n_threads));
    });
    return py::make_tuple(report.unusable_row, report.unusable_query);
}

// `scale`: of the rows' bytes.
Index project(
    const py::array& rows, const std::string& metric, const core::ConstVector<double>& center, double scale,
    const core::ConstMatrix<float>& basis, double defect, bool queries, core::Matrix<float> columns,
    core::MutableVector<double> errors, core::MutableVector<std::int8_t> bytes,
    core::MutableVector<std::int32_t> squares, core::MutableVector<float> residuals, int n_threads
) {
    const core::Rows input = rows_of(rows);
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

// Votes, and rows that are equal.
void bind_groups(py::module_& m) {
    using namespace py::literals;
    m.def(
        "add_votes",
        [](const Labels& labels, const core::ConstMatrix<std::int64_t>& neighbors,
           const core::ConstMatrix<double>& weights,
           core::Matrix<double> votes) { knn::add_votes({labels, neighbors, weights}, votes); },
        "labels"_a.noconvert(), "neighbors"_a.noconvert(), "weights"_a.noconvert(), "votes"_a.noconvert()
    );
    m.def(
        "rank_classes",
        [](const Labels& labels, const core::ConstMatrix<std::int64_t>& neighbors,
           const core::ConstMatrix<double>& weights, const Labels& k_values, Index n_classes,
           core::Matrix<std::int64_t> ranked, int n_threads) {
            without_gil([&] {
                knn::rank_classes({labels, neighbors, weights}, k_values, n_classes, ranked, execution(n_threads));
            });
        },
        "labels"_a.noconvert(), "neighbors"_a.noconvert(), "weights"_a.noconvert(), "k_values"_a.noconvert(),
        "n_classes"_a, "ranked"_a.noconvert(), "n_threads"_a
    );
    m.def(
        "hash_rows",
        [](const py::array& rows, core::MutableVector<std::uint64_t> hashes, int n_threads) {
            const core::Rows input = rows_of(rows);
            without_gil([&] { knn::hash_rows(input, hashes, execution(n_threads)); });
        },
        "rows"_a.noconvert(), "hashes"_a.noconvert(), "n_threads"_a
    );
    m.def(
        "rows_equal",
        [](const py::array& rows, const Labels& representatives, int n_threads) {
            const core::Rows input = rows_of(rows);
            return without_gil([&] { return knn::rows_equal(input, representatives, execution(n_threads)); });
        },
        "rows"_a.noconvert(), "representatives"_a.noconvert(), "n_threads"_a
    );
}

// What the prefix filter needs besides, and the search without a filter.
void bind_prefix(py::module_& m) {
    using namespace py::literals;
    m.def("byte_stride", &knn::byte_stride, "n_features"_a);
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
    bind_groups(m);
}

} // namespace deeprob::bind
