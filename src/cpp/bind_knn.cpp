// NumPy <-> the k-NN kernels: packing, search, votes.
#include "bind.hpp"
#include "knn/group.hpp"
#include "knn/search.hpp"
#include "knn/vote.hpp"

namespace deeprob::bind {

namespace {

using core::Index;
using Labels = core::ConstVector<std::int64_t>;

// An empty list of representatives means that every row stands for itself.
const Index* or_null(const Labels& values) { return values.size() == 0 ? nullptr : values.data(); }

py::dict pack(
    const py::array& train, const Labels& representatives, const std::string& metric,
    const core::ConstVector<double>& center, double scale, core::MutableVector<float> panels,
    core::MutableVector<float> bias, core::MutableVector<float> norm, core::MutableVector<float> slack, int n_threads
) {
    const core::Rows rows = rows_of(train);
    const Index n_positions = representatives.size() == 0 ? rows.n_rows : representatives.size();
    const auto report = without_gil([&] {
        const knn::Surrogate surrogate(knn::metric_named(metric), center.data(), center.size(), scale);
        const knn::Packed<float> packed{panels.data(), bias.data(), norm.data(), slack.data()};
        return knn::pack(rows, or_null(representatives), n_positions, surrogate, packed, execution(n_threads));
    });
    py::dict result;
    result["unusable_row"] = report.unusable_row;
    result["largest_norm"] = report.largest_norm;
    result["integral"] = report.integral;
    return result;
}

// Five doubles a query.
knn::RowMeasure* measures_of(double* values) {
    static_assert(sizeof(knn::RowMeasure) == 5 * sizeof(double));
    return reinterpret_cast<knn::RowMeasure*>(values);
}

Index pack_queries(
    const py::array& queries, const std::string& metric, const core::ConstVector<double>& center, double scale,
    core::MutableVector<float> groups, core::Matrix<double> measures, int n_threads
) {
    const core::Rows rows = rows_of(queries);
    return without_gil([&] {
        const knn::Surrogate surrogate(knn::metric_named(metric), center.data(), center.size(), scale);
        return knn::pack_queries(rows, surrogate, groups.data(), measures_of(measures.data()), execution(n_threads));
    });
}

Index search(
    const py::array& train, const Labels& representatives, const Labels& group_starts, const Labels& group_members,
    const std::string& metric, const core::ConstVector<double>& center, double scale,
    const core::ConstVector<float>& panels, const core::ConstVector<float>& bias, const core::ConstVector<float>& norm,
    const core::ConstVector<float>& slack, double largest_norm, bool integral, Index first_row,
    const py::array& queries, const core::ConstVector<float>& query_groups, core::Matrix<double> query_measures,
    core::Matrix<double> distances, core::Matrix<std::int64_t> indices, int n_threads
) {
    const knn::SearchInput input{
        .train = rows_of(train),
        .representatives = or_null(representatives),
        .n_positions = representatives.size() == 0 ? static_cast<Index>(train.shape(0)) : representatives.size(),
        .group_starts = group_starts.data(),
        .group_members = group_members.data(),
        .packed = {panels.data(), bias.data(), norm.data(), slack.data()},
        .largest_norm = largest_norm,
        .integral = integral,
        .queries = rows_of(queries),
        .query_groups = query_groups.data(),
        .query_measures = measures_of(query_measures.data()),
        .k = distances.cols(),
        .first_row = first_row,
        .distances = distances.data(),
        .indices = indices.data(),
    };
    return without_gil([&] {
        const knn::Surrogate surrogate(knn::metric_named(metric), center.data(), center.size(), scale);
        return knn::search(input, surrogate, {distances.data(), indices.data()}, execution(n_threads));
    });
}

} // namespace

void bind_knn(py::module_& m) {
    using namespace py::literals;
    m.def("max_threads", &core::max_threads);
    m.def("panel_rows", [] { return core::kPanelRows<float>; });
    m.def("group_queries", [] { return core::kTileQueries; });
    m.def(
        "pack", &pack, "train"_a.noconvert(), "representatives"_a.noconvert(), "metric"_a, "center"_a.noconvert(),
        "scale"_a, "panels"_a.noconvert(), "bias"_a.noconvert(), "norm"_a.noconvert(), "slack"_a.noconvert(),
        "n_threads"_a
    );
    m.def(
        "pack_queries", &pack_queries, "queries"_a.noconvert(), "metric"_a, "center"_a.noconvert(), "scale"_a,
        "groups"_a.noconvert(), "measures"_a.noconvert(), "n_threads"_a
    );
    m.def(
        "search", &search, "train"_a.noconvert(), "representatives"_a.noconvert(), "group_starts"_a.noconvert(),
        "group_members"_a.noconvert(), "metric"_a, "center"_a.noconvert(), "scale"_a, "panels"_a.noconvert(),
        "bias"_a.noconvert(), "norm"_a.noconvert(), "slack"_a.noconvert(), "largest_norm"_a, "integral"_a,
        "first_row"_a, "queries"_a.noconvert(), "query_groups"_a.noconvert(), "query_measures"_a.noconvert(),
        "distances"_a.noconvert(), "indices"_a.noconvert(), "n_threads"_a
    );
    m.def(
        "add_votes", &knn::add_votes, "labels"_a.noconvert(), "neighbors"_a.noconvert(), "weights"_a.noconvert(),
        "votes"_a.noconvert()
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

} // namespace deeprob::bind
