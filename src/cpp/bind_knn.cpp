// NumPy <-> the k-NN kernels: packing and search.
#include "bind_search.hpp"
#include "knn/duplicates.hpp"
#include "knn/pieces.hpp"
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
PackerOf<T> packer(core::Borrowed<knn::Centering> centering, const core::ConstVector<double>& errors) {
    if constexpr (std::is_same_v<T, float>) {
        return knn::DensePacker<float>(centering);
    } else {
        return knn::IntegerPacker(centering, errors.size() == 0 ? nullptr : errors.data());
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

constexpr std::array kByteNames{"bytes", "squares", "residuals"};
constexpr std::array kQueryByteNames{"query bytes", "query squares", "query residuals"};

// panels, bias, norm, slack
template <class T>
using PackingRecord =
    std::tuple<core::ConstVector<T>, core::ConstVector<T>, core::ConstVector<float>, core::ConstVector<float>>;
template <class T>
using PackingOut =
    std::tuple<core::MutableVector<T>, core::MutableVector<T>, core::MutableVector<float>, core::MutableVector<float>>;
// bytes, squares, residuals
using BytesRecord =
    std::tuple<core::ConstVector<std::int8_t>, core::ConstVector<std::int32_t>, core::ConstVector<float>>;
using BytesOut =
    std::tuple<core::MutableVector<std::int8_t>, core::MutableVector<std::int32_t>, core::MutableVector<float>>;
// rows, tiles, measures
template <class T> using QueriesRecord = std::tuple<py::array, core::ConstVector<T>, core::Matrix<double>>;
// rows, tiles, measures, columns, bytes
using PrefixQueriesRecord =
    std::tuple<py::array, core::ConstVector<std::int32_t>, core::Matrix<double>, py::array, BytesRecord>;
// starts, clusters, centers
using RangesRecord = std::tuple<Labels, Labels, py::array>;
// center, basis, defect, scale
using ProjectionRecord = std::tuple<core::ConstVector<double>, py::array, double, double>;

// Checks rows in bytes.
template <class Record>
void require_bytes(const std::array<const char*, 3>& names, Index n_rows, Index n_features, const Record& record) {
    const auto& [bytes, squares, residuals] = record;
    require_size(names[0], bytes, product({n_rows, knn::byte_stride(n_features)}));
    // They are read as words of four.
    if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(std::int32_t) != 0) {
        refuse(names[0], "must be aligned");
    }
    require_size(names[1], squares, n_rows);
    require_size(names[2], residuals, n_rows);
}

knn::ByteRows byte_rows(const BytesRecord& record) {
    const auto& [bytes, squares, residuals] = record;
    return {bytes.data(), squares.data(), residuals.data()};
}

knn::Centering centering_of(const std::string& metric, const CenteringRecord& centering_record) {
    const auto& [center, scale] = centering_record;
    return {knn::metric_named(metric), center.data(), center.size(), scale};
}

template <class T> knn::Packed<const T> packed_rows(const PackingRecord<T>& packing) {
    const auto& [panels, bias, norm, slack] = packing;
    return {panels.data(), bias.data(), norm.data(), slack.data()};
}

void require_errors(const core::ConstVector<double>& errors, Index n_rows) {
    if (errors.size() > 0) require_size("errors", errors, n_rows);
}

template <class T>
py::dict pack(
    const py::array& train, const Labels& order, const std::string& metric, const CenteringRecord& centering_record,
    PackingOut<T> packing, const core::ConstVector<double>& errors, int n_threads
) {
    const core::Rows rows = rows_of(train);
    const auto& center = std::get<0>(centering_record);
    require_aligned("positions", order);
    const knn::Positions positions(span(order), rows.n_rows);
    require_columns<T>("train", rows, center);
    require_packing(positions.size(), center.size(), packing);
    require_errors(errors, rows.n_rows);
    auto& [panels, bias, norm, slack] = packing;
    const knn::Packed<T> packed{panels.data(), bias.data(), norm.data(), slack.data()};
    const auto report = without_gil([&] {
        const knn::Centering centering = centering_of(metric, centering_record);
        return knn::pack(rows, positions, packer<T>(centering, errors), packed, execution(n_threads));
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
    core::MutableVector<T> query_tiles, core::Matrix<double> measures, const core::ConstVector<double>& errors,
    int n_threads
) {
    const core::Rows rows = rows_of(queries);
    const auto& center = std::get<0>(centering_record);
    require_columns<T>("queries", rows, center);
    require_query_tiles(rows.n_rows, center.size(), query_tiles, measures);
    require_errors(errors, rows.n_rows);
    return without_gil([&] {
        const knn::Centering centering = centering_of(metric, centering_record);
        return knn::pack_queries(
            rows, packer<T>(centering, errors), query_tiles.data(), measures_of<T>(measures.data()),
            execution(n_threads)
        );
    });
}

// Returns the number of pairs that passed the filter and that of canonical distances.
py::tuple counts_of(const knn::SearchCounts& counts) { return py::make_tuple(counts.passed, counts.refined); }

// `facts`: largest_norm, integral.
template <class T>
py::tuple search(
    const RowsRecord& searched, const std::string& metric, const CenteringRecord& centering_record,
    const PackingRecord<T>& packing, const std::tuple<double, bool>& facts, QueriesRecord<T> packed_queries,
    OutputRecord output, int n_threads
) {
    auto& [queries, query_tiles, measures] = packed_queries;
    const knn::SearchInput input = search_input(searched, rows_of(queries), output);
    const auto& center = std::get<0>(centering_record);
    require_columns<T>("train", input.train, center);
    require_packing(input.positions.size(), center.size(), packing);
    require_query_tiles(input.queries.n_rows, center.size(), query_tiles, measures);
    const auto* const tiles = query_tiles.data();
    const auto* const query_measures = measures_of<T>(measures.data());
    return counts_of(without_gil([&] {
        const knn::Centering centering = centering_of(metric, centering_record);
        const knn::Packed<const T> packed = packed_rows<T>(packing);
        const auto filter = [&] {
            if constexpr (std::is_same_v<T, float>) {
                const auto [largest_norm, integral] = facts;
                return knn::DenseFilter(centering, packed, largest_norm, integral, tiles, query_measures);
            } else {
                return knn::IntegerFilter(
                    centering, packed, tiles, query_measures, input.queries.n_rows, input.queries.n_features
                );
            }
        }();
        return knn::search(input, filter, centering.metric, search_output(output), execution(n_threads));
    }));
}

// `byte_centering`: of the rows' bytes. `centering`: of the prefix'.
py::tuple search_prefix(
    const RowsRecord& searched, const std::string& metric, const CenteringRecord& byte_centering_record,
    const BytesRecord& bytes, const CenteringRecord& centering_record, const PackingRecord<std::int32_t>& packing,
    const RangesRecord& ranges, PrefixQueriesRecord packed_queries, OutputRecord output, int n_threads
) {
    auto& [query_array, query_tiles, measures, column_array, query_bytes] = packed_queries;
    const auto& [starts, clusters, center_array] = ranges;
    const knn::SearchInput input = search_input(searched, rows_of(query_array), output);
    const auto centers = matrix_of<float>("centers", center_array);
    const auto columns = matrix_of<float>("columns", column_array);
    const Index n_queries = input.queries.n_rows;
    const Index n_features = input.train.n_features;
    const Index n_columns = std::get<0>(centering_record).size();
    // Where there are duplicates, bytes of rows lie by position, else by row.
    const knn::Positions places(
        input.has_duplicates() ? std::span<const Index>() : span(std::get<1>(searched)), input.positions.size()
    );
    require_columns<std::int32_t>("train", input.train, std::get<0>(byte_centering_record));
    require_aligned("center", std::get<0>(centering_record));
    require_range("the number of prefix columns", n_columns, 1, knn::kMaxByteColumns);
    require_bytes(kByteNames, places.size(), n_features, bytes);
    require_bytes(kQueryByteNames, n_queries, n_features, query_bytes);
    require_packing(input.positions.size(), n_columns, packing);
    require_query_tiles(n_queries, n_columns, query_tiles, measures);
    require_size("starts of ranges", starts, clusters.size() == 0 ? starts.size() : clusters.size() + 1);
    require_within("clusters of ranges", clusters, centers.rows());
    if (clusters.size() > 0) {
        require_shape("centers", centers, centers.rows(), n_columns);
        require_shape("columns", columns, n_queries, n_columns);
    }
    const knn::PanelRanges visits{span(starts), span(clusters), centers.data(), columns.data(), centers.cols()};
    const auto* const tiles = query_tiles.data();
    const auto* const query_measures = measures_of<std::int32_t>(measures.data());
    return counts_of(without_gil([&] {
        const knn::Centering centering = centering_of(metric, byte_centering_record);
        const knn::Centering prefix_centering = centering_of(metric, centering_record);
        const knn::IntegerFilter prefix(
            prefix_centering, packed_rows<std::int32_t>(packing), tiles, query_measures, n_queries, n_features
        );
        const knn::PrefixFilter filter(
            prefix, prefix_centering.scale, centering, byte_rows(bytes), places, byte_rows(query_bytes), visits
        );
        return knn::search(input, filter, centering.metric, search_output(output), execution(n_threads));
    }));
}

// Returns the first unusable row and query.
py::tuple scan(
    const py::array& train, const std::string& metric, const py::array& queries, OutputRecord output, int n_threads
) {
    const Labels none(Eigen::VectorX<std::int64_t>{});
    const knn::SearchInput input = search_input({train, none, none, none, 0}, rows_of(queries), output);
    require_range("k", input.k, 1, input.train.n_rows);
    const auto report = without_gil([&] {
        return knn::scan(input, knn::metric_named(metric), search_output(output), execution(n_threads));
    });
    return py::make_tuple(report.unusable_row, report.unusable_query);
}

// `projection`: its scale is that of the rows' bytes.
Index project(
    const py::array& rows, const std::string& metric, const ProjectionRecord& projection, bool queries,
    core::Matrix<float> columns, core::MutableVector<double> errors, BytesOut bytes_out, int n_threads
) {
    const auto& [center, basis_array, defect, scale] = projection;
    const core::Rows input = rows_of(rows);
    require_columns<std::int32_t>("rows", input, center);
    const auto basis = matrix_of<float>("basis", basis_array);
    require_shape("basis", basis, basis.rows(), center.size());
    require_range("the number of directions", basis.rows(), 1, knn::kMaxByteColumns - 1);
    require_shape("columns", columns, input.n_rows, basis.rows() + 1);
    require_size("errors", errors, input.n_rows);
    require_bytes(kByteNames, input.n_rows, center.size(), bytes_out);
    auto& [bytes, squares, residuals] = bytes_out;
    const knn::Columns out{columns.data(), errors.data(), {bytes.data(), squares.data(), residuals.data()}};
    const knn::Centering centering(knn::metric_named(metric), center.data(), center.size(), scale);
    const knn::Projection directions{basis.data(), basis.rows(), defect};
    const auto role = queries ? knn::ByteRole::query : knn::ByteRole::training_row;
    return without_gil([&] { return knn::project(input, centering, directions, role, out, execution(n_threads)); });
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
    const knn::NeighborLists lists{piece_distances.data(), piece_indices.data(), piece_distances.cols()};
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
        "packing"_a.noconvert(), "errors"_a.noconvert(), "n_threads"_a
    );
    m.def(
        "pack_queries", &pack_queries<T>, "queries"_a.noconvert(), "metric"_a, "centering"_a.noconvert(),
        "tiles"_a.noconvert(), "measures"_a.noconvert(), "errors"_a.noconvert(), "n_threads"_a
    );
    m.def(
        "search", &search<T>, "rows"_a.noconvert(), "metric"_a, "centering"_a.noconvert(), "packing"_a.noconvert(),
        "facts"_a.noconvert(), "queries"_a.noconvert(), "output"_a.noconvert(), "n_threads"_a
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
        "search_prefix", &search_prefix, "rows"_a.noconvert(), "metric"_a, "byte_centering"_a.noconvert(),
        "bytes"_a.noconvert(), "centering"_a.noconvert(), "packing"_a.noconvert(), "ranges"_a.noconvert(),
        "queries"_a.noconvert(), "output"_a.noconvert(), "n_threads"_a
    );
    m.def(
        "scan", &scan, "train"_a.noconvert(), "metric"_a, "queries"_a.noconvert(), "output"_a.noconvert(), "n_threads"_a
    );
    m.def("find_duplicates", &find_duplicates, "train"_a.noconvert(), "duplicates"_a.noconvert(), "n_threads"_a);
    m.def(
        "merge_piece", &merge_piece, "metric"_a, "piece"_a.noconvert(), "first_row"_a, "output"_a.noconvert(),
        "n_threads"_a
    );
    m.def(
        "project", &project, "rows"_a.noconvert(), "metric"_a, "projection"_a.noconvert(), "queries"_a,
        "columns"_a.noconvert(), "errors"_a.noconvert(), "bytes"_a.noconvert(), "n_threads"_a
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
    m.def("max_byte_columns", [] { return knn::kMaxByteColumns; });
    bind_filter<float>(m);
    bind_filter<std::int32_t>(m);
    bind_prefix(m);
}

} // namespace deeprob::bind
