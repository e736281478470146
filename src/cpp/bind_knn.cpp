// NumPy <-> the k-NN kernels: packing and search.
#include "bind_search.hpp"
#include "knn/duplicates.hpp"
#include "knn/pieces.hpp"
#include "knn/scan.hpp"

#include <type_traits>

namespace deeprob::bind {

namespace {

using core::Index;

// What the dtype of a packing says about its filter.
template <class T>
using PackerOf = std::conditional_t<std::is_same_v<T, float>, knn::DensePacker<float>, knn::IntegerPacker>;

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

// Checks that the columns to pack fit the center and, in bytes, the sums of their products.
template <class T>
void require_columns(const char* name, const core::Rows& rows, const core::ConstVector<double>& center) {
    require_rows(name, rows, center.size());
    require_aligned("center", center);
    if (!std::is_same_v<T, float>) require_range("the number of columns", center.size(), 1, knn::kMaxByteColumns);
}

// Checks packed rows, by position, of that many columns.
template <class Record> void require_packing(Index n_positions, Index n_columns, const Record& record) {
    const auto& [panels, bias, norm, slack] = record;
    using T = typename std::tuple_element_t<0, Record>::Scalar;
    const Index n_panels = core::ceil_div(n_positions, core::kPanelRows<T>);
    require_size("panels", panels, product({n_panels, core::kPanelRows<T>, depth_of<T>(n_columns)}));
    require_size("bias", bias, n_panels * core::kPanelRows<T>);
    require_size("norm", norm, n_panels);
    require_size("slack", slack, n_panels);
}

// Checks packed queries of that many columns.
template <class Tiles, class Measures>
void require_query_tiles(Index n_queries, Index n_columns, const Tiles& query_tiles, const Measures& measures) {
    using T = typename Tiles::Scalar;
    const Index n_tiles = core::ceil_div(n_queries, core::kTileQueries);
    require_size("tiles", query_tiles, product({n_tiles, core::kTileQueries, depth_of<T>(n_columns)}));
    require_shape("measures", measures, n_queries, n_measures<T>());
}

// panels, bias, norm, slack
template <class T>
using PackingRecord =
    std::tuple<core::ConstVector<T>, core::ConstVector<T>, core::ConstVector<float>, core::ConstVector<float>>;
template <class T>
using PackingOut =
    std::tuple<core::MutableVector<T>, core::MutableVector<T>, core::MutableVector<float>, core::MutableVector<float>>;
// rows, tiles, measures
template <class T> using QueriesRecord = std::tuple<py::array, core::ConstVector<T>, core::Matrix<double>>;
template <class T> knn::Packed<const T> packed_rows(const PackingRecord<T>& packing) {
    const auto& [panels, bias, norm, slack] = packing;
    return {panels.data(), bias.data(), norm.data(), slack.data()};
}

template <class T>
py::dict pack(
    const py::array& train, const Labels& order, const std::string& metric, const CenteringRecord& centering_record,
    PackingOut<T> packing, int n_threads
) {
    const core::Rows rows = rows_of(train);
    const auto& center = std::get<0>(centering_record);
    require_aligned("positions", order);
    const knn::Positions positions(span(order), rows.n_rows);
    require_columns<T>("train", rows, center);
    require_packing(positions.size(), center.size(), packing);
    auto& [panels, bias, norm, slack] = packing;
    const knn::Packed<T> packed{panels.data(), bias.data(), norm.data(), slack.data()};
    const auto report = without_gil([&] {
        const knn::Centering centering = centering_of(metric, centering_record);
        return knn::pack(rows, positions, PackerOf<T>(centering), packed, execution(n_threads));
    });
    py::dict result;
    result["unusable_row"] = report.unusable_row;
    result["largest_norm"] = report.largest_norm;
    result["integral"] = report.integral;
    return result;
}

template <class T>
Index pack_queries(
    const py::array& queries, const std::string& metric, const CenteringRecord& centering_record,
    core::MutableVector<T> query_tiles, core::Matrix<double> measures, int n_threads
) {
    const core::Rows rows = rows_of(queries);
    const auto& center = std::get<0>(centering_record);
    require_columns<T>("queries", rows, center);
    require_query_tiles(rows.n_rows, center.size(), query_tiles, measures);
    return without_gil([&] {
        const knn::Centering centering = centering_of(metric, centering_record);
        return knn::pack_queries(
            rows, PackerOf<T>(centering), query_tiles.data(), measures_of<T>(measures.data()), execution(n_threads)
        );
    });
}

// `facts`: largest_norm, integral. `wanted`: an OutputRecord or a RadiusRecord.
template <class T, class Wanted>
py::tuple search(
    const RowsRecord& searched, const std::string& metric, const CenteringRecord& centering_record,
    const PackingRecord<T>& packing, const std::tuple<double, bool>& facts, QueriesRecord<T> packed_queries,
    Wanted wanted, int n_threads
) {
    auto& [queries, query_tiles, measures] = packed_queries;
    const knn::SearchInput input = search_input(searched, rows_of(queries), wanted);
    const auto& center = std::get<0>(centering_record);
    require_columns<T>("train", input.train, center);
    require_packing(input.positions.size(), center.size(), packing);
    require_query_tiles(input.queries.n_rows, center.size(), query_tiles, measures);
    const auto* const tiles = query_tiles.data();
    const auto* const query_measures = measures_of<T>(measures.data());
    const knn::Centering centering = centering_of(metric, centering_record);
    const knn::Packed<const T> packed = packed_rows<T>(packing);
    const auto make_filter = [&] {
        if constexpr (std::is_same_v<T, float>) {
            const auto [largest_norm, integral] = facts;
            return knn::DenseFilter(centering, packed, largest_norm, integral, tiles, query_measures);
        } else {
            return knn::IntegerFilter(
                centering, packed, tiles, query_measures, input.queries.n_rows, input.queries.n_features
            );
        }
    };
    return search_with(make_filter, input, centering.metric, wanted, n_threads);
}

// Returns the first unusable row and query.
py::tuple scan(
    const py::array& train, const std::string& metric, const py::array& queries, OutputRecord output, int n_threads
) {
    const Labels none(Eigen::VectorX<std::int64_t>{});
    const knn::SearchInput input = search_input({train, none, none, none, none, 0}, rows_of(queries), output);
    require_range("k", input.k, 1, input.train.n_rows);
    const auto report = without_gil([&] {
        return knn::scan(input, knn::metric_named(metric), search_output(output), execution(n_threads));
    });
    return py::make_tuple(report.unusable_row, report.unusable_query);
}

// Returns the arrays, and the first unusable row and query.
py::tuple scan_radius(
    const py::array& train, const std::string& metric, const py::array& queries, const RadiusRecord& record,
    int n_threads
) {
    const Labels none(Eigen::VectorX<std::int64_t>{});
    const knn::Metric kind = knn::metric_named(metric);
    const knn::SearchInput input = search_input({train, none, none, none, none, 0}, rows_of(queries), record);
    const knn::Radius radius = radius_of(kind, record);
    const auto [report, lists] =
        without_gil([&] { return knn::scan_radius(input, kind, radius, execution(n_threads)); });
    return py::make_tuple(
        arrays_of(*lists, kind, radius.count_only, n_threads),
        py::make_tuple(report.unusable_row, report.unusable_query)
    );
}

// representatives, starts, members
using DuplicatesOut =
    std::tuple<core::MutableVector<std::int64_t>, core::MutableVector<std::int64_t>, core::MutableVector<std::int64_t>>;

// Returns how many rows are distinct, or 0.
Index find_duplicates(const py::array& train, DuplicatesOut duplicates, int n_threads) {
    const core::Rows rows = rows_of(train);
    auto& [representatives, starts, members] = duplicates;
    require_size("representatives", representatives, rows.n_rows);
    require_size("starts", starts, rows.n_rows + 1);
    require_size("members", members, rows.n_rows);
    const knn::DuplicatesOut out{representatives.data(), starts.data(), members.data()};
    return without_gil([&] { return knn::find_duplicates(rows, out, execution(n_threads)); });
}

void merge_piece(const std::string& metric, OutputRecord piece, Index first_row, OutputRecord output, int n_threads) {
    auto& [piece_distances, piece_indices] = piece;
    auto& [distances, indices] = output;
    const Index n_queries = distances.rows();
    require_shape("distances", distances, n_queries, distances.cols());
    require_shape("indices", indices, n_queries, distances.cols());
    require_shape("distances of the piece", piece_distances, n_queries, piece_distances.cols());
    require_shape("indices of the piece", piece_indices, n_queries, piece_distances.cols());
    require_range("first_row", first_row, 0, std::numeric_limits<std::int32_t>::max() * Index{1024});
    const knn::PieceLists lists{piece_distances.data(), piece_indices.data(), piece_distances.cols()};
    const knn::Metric kind = knn::metric_named(metric);
    double* const distances_out = distances.data();
    std::int64_t* const indices_out = indices.data();
    const Index k = distances.cols();
    without_gil([&] {
        knn::merge_piece(kind, lists, first_row, n_queries, k, distances_out, indices_out, execution(n_threads));
    });
}

// Packings of one filter.
template <class T> void bind_filter(py::module_& m) {
    using namespace py::literals;
    m.def(
        "pack", &pack<T>, "train"_a.noconvert(), "positions"_a.noconvert(), "metric"_a, "centering"_a.noconvert(),
        "packing"_a.noconvert(), "n_threads"_a
    );
    m.def(
        "pack_queries", &pack_queries<T>, "queries"_a.noconvert(), "metric"_a, "centering"_a.noconvert(),
        "tiles"_a.noconvert(), "measures"_a.noconvert(), "n_threads"_a
    );
    m.def(
        "search", &search<T, OutputRecord>, "rows"_a.noconvert(), "metric"_a, "centering"_a.noconvert(),
        "packing"_a.noconvert(), "facts"_a.noconvert(), "queries"_a.noconvert(), "output"_a.noconvert(), "n_threads"_a
    );
    m.def(
        "search_radius", &search<T, RadiusRecord>, "rows"_a.noconvert(), "metric"_a, "centering"_a.noconvert(),
        "packing"_a.noconvert(), "facts"_a.noconvert(), "queries"_a.noconvert(), "radius"_a, "n_threads"_a
    );
}

} // namespace

void bind_knn(py::module_& m) {
    using namespace py::literals;
    m.def("max_threads", &core::max_threads);
    m.def("panel_rows", [] { return core::kPanelRows<float>; });
    m.def("tile_queries", [] { return core::kTileQueries; });
    m.def(
        "byte_range",
        [](const std::string& metric) {
            const knn::ByteRange range = knn::byte_range(knn::metric_named(metric));
            return py::make_tuple(range.lowest, range.highest);
        },
        "metric"_a
    );
    m.def(
        "sample_rank",
        [](Index k, Index n_seen, Index n_rows) {
            require_range("n_rows", n_rows, 1, std::numeric_limits<Index>::max());
            require_range("n_seen", n_seen, 0, n_rows);
            require_range("k", k, 0, n_rows);
            return knn::sample_rank(k, n_seen, n_rows);
        },
        "k"_a, "n_seen"_a, "n_rows"_a
    );
    m.def("variation_of_errors", &knn::variation_of_errors, "n_features"_a);
    m.def("max_byte_columns", [] { return knn::kMaxByteColumns; });
    bind_filter<float>(m);
    bind_filter<std::int32_t>(m);
    m.def(
        "scan", &scan, "train"_a.noconvert(), "metric"_a, "queries"_a.noconvert(), "output"_a.noconvert(), "n_threads"_a
    );
    m.def(
        "scan_radius", &scan_radius, "train"_a.noconvert(), "metric"_a, "queries"_a.noconvert(), "radius"_a,
        "n_threads"_a
    );
    m.def("find_duplicates", &find_duplicates, "train"_a.noconvert(), "duplicates"_a.noconvert(), "n_threads"_a);
    m.def(
        "merge_piece", &merge_piece, "metric"_a, "piece"_a.noconvert(), "first_row"_a, "output"_a.noconvert(),
        "n_threads"_a
    );
}

} // namespace deeprob::bind
