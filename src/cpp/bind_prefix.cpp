// NumPy <-> the prefix filter: projection, order, packing and search.
#include "bind_search.hpp"
#include "knn/axis_tree.hpp"
#include "knn/projection.hpp"

namespace deeprob::bind {

namespace {

using core::Index;

// center, basis, defect, scale, ends
using ProjectionRecord = std::tuple<core::ConstVector<double>, py::array, double, double, Labels>;
// columns, errors
using ColumnsRecord = std::tuple<py::array, core::ConstVector<double>>;
using ColumnsOut = std::tuple<core::Matrix<float>, core::MutableVector<double>>;
// bytes, squares, residuals
using BytesRecord =
    std::tuple<core::ConstVector<std::int8_t>, core::ConstVector<std::int32_t>, core::ConstVector<float>>;
using BytesOut =
    std::tuple<core::MutableVector<std::int8_t>, core::MutableVector<std::int32_t>, core::MutableVector<float>>;
// ends, scales, center
using StagesRecord = std::tuple<Labels, core::ConstVector<double>, core::ConstVector<double>>;
// words, slack, centers, radii
using StagePackingRecord = std::tuple<
    core::ConstVector<std::int32_t>, core::ConstVector<float>, core::ConstVector<float>, core::ConstVector<float>>;
using StagePackingOut = std::tuple<
    core::MutableVector<std::int32_t>, core::MutableVector<float>, core::MutableVector<float>,
    core::MutableVector<float>>;
// axes, cuts
using AxesRecord = std::tuple<py::array, core::ConstVector<float>>;
using AxesOut = std::tuple<core::Matrix<float>, core::MutableVector<float>>;
// rows, tiles, measures, columns, bytes
using PrefixQueriesRecord =
    std::tuple<py::array, core::ConstVector<std::int32_t>, core::Matrix<double>, ColumnsRecord, BytesRecord>;

constexpr std::array kByteNames{"bytes", "squares", "residuals"};
constexpr std::array kQueryByteNames{"query bytes", "query squares", "query residuals"};
constexpr Index kStageMeasures = sizeof(knn::StageMeasure) / sizeof(double);

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

void require_ends(const Labels& ends) {
    require_aligned("ends", ends);
    require_range("the number of stages", ends.size(), 1, knn::kMaxStages);
    for (Index s = 0; s < ends.size(); ++s) {
        require_range("an end of a stage", ends[s], s == 0 ? 1 : ends[s - 1] + 1, knn::kMaxByteColumns - 1);
    }
}

// Checks the stages, and makes them for rows of so many panels.
knn::Stages stages_of(const StagesRecord& record, Index n_panels) {
    const auto& [ends, scales, center] = record;
    require_ends(ends);
    require_size("scales", scales, ends.size());
    require_size("center of the columns", center, ends[ends.size() - 1] + ends.size());
    require_aligned("scales", scales);
    require_aligned("center of the columns", center);
    for (Index s = 0; s < scales.size(); ++s) {
        int exponent = 0;
        const double ratio = s == 0 ? 1 : scales[s] / scales[s - 1];
        const bool is_power = scales[s] > 0 && std::isfinite(scales[s]) && std::frexp(ratio, &exponent) == 0.5;
        require(is_power && ratio >= 1, "scales", "must be positive, each a power of two times the one before");
    }
    knn::Stages stages(
        span(ends), {scales.data(), static_cast<std::size_t>(scales.size())},
        {center.data(), static_cast<std::size_t>(center.size())}, n_panels
    );
    require(stages.weight() <= knn::kMaxWeight, "scales", "must not grow that much for so many columns");
    return stages;
}

knn::PrefixColumns columns_of(const char* name, const ColumnsRecord& record, Index n_columns) {
    const auto& [array, errors] = record;
    const auto columns = matrix_of<float>(name, array);
    require_shape(name, columns, columns.rows(), n_columns);
    require_size("errors", errors, columns.rows());
    return {columns.data(), n_columns, errors.data()};
}

// Checks packed rows.
template <class Record> void require_stage_packing(Index n_positions, const knn::Stages& stages, const Record& record) {
    const auto& [words, slack, centers, radii] = record;
    const Index n_groups = core::ceil_div(n_positions, knn::kGroupRows);
    Index per_panel = 0;
    for (const core::Stage& stage : stages.stages()) per_panel += stage.panel_words();
    require_size("words", words, product({core::ceil_div(n_positions, core::kPanelRows<std::int32_t>), per_panel}));
    require_size("slack", slack, product({n_groups, stages.n_stages()}));
    require_size("centers", centers, product({stages.n_first(), n_groups}));
    require_size("radii", radii, n_groups);
}

// `projection`: its scale is that of the rows' bytes.
Index project(
    const py::array& rows, const std::string& metric, const ProjectionRecord& projection, bool queries, ColumnsOut out,
    BytesOut bytes_out, int n_threads
) {
    const auto& [center, basis_array, defect, scale, ends] = projection;
    auto& [columns, errors] = out;
    const core::Rows input = rows_of(rows);
    require_rows("rows", input, center.size());
    require_aligned("center", center);
    require_range("the number of features", center.size(), 1, knn::kMaxByteColumns);
    const auto basis = matrix_of<float>("basis", basis_array);
    require_shape("basis", basis, basis.rows(), center.size());
    require_ends(ends);
    require_range("the number of directions", basis.rows(), ends[ends.size() - 1], ends[ends.size() - 1]);
    require_shape("columns", columns, input.n_rows, basis.rows() + ends.size());
    require_size("errors", errors, input.n_rows);
    require_bytes(kByteNames, input.n_rows, center.size(), bytes_out);
    auto& [bytes, squares, residuals] = bytes_out;
    const knn::Columns columns_out{columns.data(), errors.data(), {bytes.data(), squares.data(), residuals.data()}};
    const knn::Centering centering(knn::metric_named(metric), center.data(), center.size(), scale);
    const knn::Projection directions{basis.data(), basis.rows(), defect, span(ends)};
    const auto role = queries ? knn::ByteRole::query : knn::ByteRole::training_row;
    return without_gil([&] {
        return knn::project(input, centering, directions, role, columns_out, execution(n_threads));
    });
}

void fit_axes(const ColumnsRecord& sample, AxesOut tree) {
    auto& [axes, cuts] = tree;
    const auto columns = matrix_of<float>("columns", std::get<0>(sample));
    require_range("the number of columns of axes", axes.cols(), 1, columns.cols());
    require_shape("axes", axes, axes.rows(), axes.cols());
    require_size("cuts", cuts, axes.rows());
    const knn::PrefixColumns rows{columns.data(), columns.cols(), nullptr};
    const knn::AxisTreeOut out{axes.data(), cuts.data(), axes.rows(), axes.cols()};
    without_gil([&] { knn::AxisTreeBuilder(rows, columns.rows(), out).build(); });
}

void sort_by_axes(
    const py::array& column_array, const AxesRecord& tree, core::MutableVector<std::int64_t> order, int n_threads
) {
    const auto& [axis_array, cuts] = tree;
    const auto columns = matrix_of<float>("columns", column_array);
    const auto axes = matrix_of<float>("axes", axis_array);
    require_range("the number of columns of axes", axes.cols(), 1, columns.cols());
    require_size("cuts", cuts, axes.rows());
    require((axes.rows() & (axes.rows() + 1)) == 0, "axes", "must be the nodes of a complete tree");
    require_size("order", order, columns.rows());
    const knn::PrefixColumns rows{columns.data(), columns.cols(), nullptr};
    const knn::AxisTree record{axes.data(), cuts.data(), axes.rows(), axes.cols()};
    without_gil([&] { knn::sort_by_axes(rows, columns.rows(), record, order.data(), execution(n_threads)); });
}

// `order`: the rows of all positions from `first_position` on.
void pack_stages(
    const ColumnsRecord& columns, const Labels& order, const StagesRecord& stages_record, StagePackingOut packing,
    Index first_position, Index n_positions, int n_threads
) {
    const knn::Stages stages = stages_of(stages_record, core::ceil_div(n_positions, core::kPanelRows<std::int32_t>));
    require_stage_packing(n_positions, stages, packing);
    const knn::PrefixColumns rows = columns_of("columns", columns, stages.n_columns());
    require_aligned("order", order);
    const knn::Positions positions(span(order), std::get<1>(columns).size());
    require_range("first_position", first_position, 0, n_positions - positions.size());
    require(first_position % knn::kGroupRows == 0, "first_position", "must begin a group");
    auto& [words, slack, centers, radii] = packing;
    const knn::PackedStagesOut out{words.data(), slack.data(), centers.data(), radii.data()};
    without_gil([&] {
        knn::pack_groups(rows, positions, stages, out, first_position, radii.size(), execution(n_threads));
    });
}

void pack_stage_queries(
    const ColumnsRecord& columns, const StagesRecord& stages_record, core::MutableVector<std::int32_t> query_tiles,
    core::Matrix<double> measures, int n_threads
) {
    const knn::Stages stages = stages_of(stages_record, 0);
    const knn::PrefixColumns rows = columns_of("columns", columns, stages.n_columns());
    const Index n_queries = std::get<1>(columns).size();
    require_size("tiles", query_tiles, product({core::ceil_div(n_queries, core::kTileQueries), stages.tile_words()}));
    require_shape("measures", measures, n_queries, kStageMeasures * stages.n_stages());
    auto* const out = reinterpret_cast<knn::StageMeasure*>(measures.data());
    without_gil([&] { knn::pack_stage_tiles(rows, n_queries, stages, query_tiles.data(), out, execution(n_threads)); });
}

// `byte_centering`: of the rows' bytes. `wanted`: an OutputRecord or a RadiusRecord.
template <class Wanted>
py::tuple search_prefix(
    const RowsRecord& searched, const std::string& metric, const CenteringRecord& byte_centering_record,
    const BytesRecord& bytes, const StagesRecord& stages_record, const StagePackingRecord& packing,
    PrefixQueriesRecord packed_queries, Wanted wanted, int n_threads
) {
    auto& [query_array, query_tiles, measures, query_columns, query_bytes] = packed_queries;
    const auto& [words, slack, centers, radii] = packing;
    const knn::SearchInput input = search_input(searched, rows_of(query_array), wanted);
    const Index n_queries = input.queries.n_rows;
    const Index n_features = input.train.n_features;
    // Where there are duplicates, bytes of rows lie by position, else by row.
    const knn::Positions places(
        input.has_duplicates() ? std::span<const Index>() : span(std::get<1>(searched)), input.positions.size()
    );
    const auto& byte_center = std::get<0>(byte_centering_record);
    require_rows("train", input.train, byte_center.size());
    require_aligned("center", byte_center);
    require_range("the number of features", n_features, 1, knn::kMaxByteColumns);
    require_bytes(kByteNames, places.size(), n_features, bytes);
    require_bytes(kQueryByteNames, n_queries, n_features, query_bytes);
    const Index n_positions = input.positions.size();
    const knn::Stages stages = stages_of(stages_record, core::ceil_div(n_positions, core::kPanelRows<std::int32_t>));
    require_stage_packing(n_positions, stages, packing);
    const knn::PrefixColumns columns = columns_of("columns", query_columns, stages.n_columns());
    require_size("errors", std::get<1>(query_columns), n_queries);
    require_size("tiles", query_tiles, product({core::ceil_div(n_queries, core::kTileQueries), stages.tile_words()}));
    require_shape("measures", measures, n_queries, kStageMeasures * stages.n_stages());
    const knn::PackedStages packed{words.data(), slack.data(), centers.data(), radii.data()};
    const knn::StageQueries queries{query_tiles.data(), reinterpret_cast<const knn::StageMeasure*>(measures.data())};
    const knn::Groups groups{centers.data(), radii.data(), radii.size(), stages.n_first(), columns};
    const knn::Centering centering = centering_of(metric, byte_centering_record);
    const auto make_filter = [&] {
        return knn::PrefixFilter(
            stages, packed, queries, groups, centering, byte_rows(bytes), places, byte_rows(query_bytes)
        );
    };
    return search_with(make_filter, input, centering.metric, wanted, n_threads);
}

} // namespace

void bind_prefix(py::module_& m) {
    using namespace py::literals;
    m.def("max_stages", [] { return knn::kMaxStages; });
    m.def("max_stage_weight", [] { return knn::kMaxWeight; });
    m.def("group_rows", [] { return knn::kGroupRows; });
    m.def(
        "byte_stride",
        [](Index n_features) {
            require_range("n_features", n_features, 0, std::numeric_limits<std::int32_t>::max());
            return knn::byte_stride(n_features);
        },
        "n_features"_a
    );
    m.def(
        "project", &project, "rows"_a.noconvert(), "metric"_a, "projection"_a.noconvert(), "queries"_a,
        "columns"_a.noconvert(), "bytes"_a.noconvert(), "n_threads"_a
    );
    m.def("fit_axes", &fit_axes, "sample"_a.noconvert(), "tree"_a.noconvert());
    m.def(
        "sort_by_axes", &sort_by_axes, "columns"_a.noconvert(), "tree"_a.noconvert(), "order"_a.noconvert(),
        "n_threads"_a
    );
    m.def(
        "pack_stages", &pack_stages, "columns"_a.noconvert(), "order"_a.noconvert(), "stages"_a.noconvert(),
        "packing"_a.noconvert(), "first_position"_a, "n_positions"_a, "n_threads"_a
    );
    m.def(
        "pack_stage_queries", &pack_stage_queries, "columns"_a.noconvert(), "stages"_a.noconvert(),
        "tiles"_a.noconvert(), "measures"_a.noconvert(), "n_threads"_a
    );
    m.def(
        "search_prefix", &search_prefix<OutputRecord>, "rows"_a.noconvert(), "metric"_a, "byte_centering"_a.noconvert(),
        "bytes"_a.noconvert(), "stages"_a.noconvert(), "packing"_a.noconvert(), "queries"_a.noconvert(),
        "output"_a.noconvert(), "n_threads"_a
    );
    m.def(
        "search_prefix_radius", &search_prefix<RadiusRecord>, "rows"_a.noconvert(), "metric"_a,
        "byte_centering"_a.noconvert(), "bytes"_a.noconvert(), "stages"_a.noconvert(), "packing"_a.noconvert(),
        "queries"_a.noconvert(), "radius"_a, "n_threads"_a
    );
}

} // namespace deeprob::bind
