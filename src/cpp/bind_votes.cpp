// NumPy <-> votes.
#include "bind_checks.hpp"
#include "knn/vote.hpp"

namespace deeprob::bind {

namespace {

using core::Index;

// Every thread counts the votes of all classes.
constexpr Index kMostClasses = Index{1} << 28;

knn::Voters voters(
    const Labels& labels, const py::array& neighbor_array, const py::array& weight_array, Index n_classes
) {
    const auto neighbors = matrix_of<std::int64_t>("neighbors", neighbor_array);
    const auto weights = matrix_of<double>("weights", weight_array);
    require(
        weights.rows() == neighbors.rows() && weights.cols() == neighbors.cols(), "weights",
        "must have the shape of neighbors"
    );
    require_range("n_classes", n_classes, 1, kMostClasses);
    require_aligned("labels", labels);
    require_aligned("neighbors", neighbors);
    require_aligned("weights", weights);
    return {span(labels), neighbors, weights, n_classes};
}

void add_votes(
    const Labels& labels, const py::array& neighbors, const py::array& weights, core::Matrix<double> votes,
    int n_threads
) {
    const knn::Voters all = voters(labels, neighbors, weights, votes.cols());
    require_shape("votes", votes, all.n_queries(), votes.cols());
    without_gil([&] { knn::add_votes(all, votes, execution(n_threads)); });
}

void rank_classes(
    const Labels& labels, const py::array& neighbors, const py::array& weights, const Labels& k_values, Index n_classes,
    core::Matrix<std::int64_t> ranked, int n_threads
) {
    const knn::Voters all = voters(labels, neighbors, weights, n_classes);
    require_range("the number of k_values", k_values.size(), 1, all.n_neighbors());
    require_ascending("k_values", k_values, all.n_neighbors());
    const Index n_top = ranked.cols() / k_values.size();
    require_range("the number of classes to rank", n_top, 1, n_classes);
    require_shape("ranked", ranked, all.n_queries(), k_values.size() * n_top);
    without_gil([&] { knn::rank_classes(all, k_values, ranked, execution(n_threads)); });
}

} // namespace

void bind_votes(py::module_& m) {
    using namespace py::literals;
    m.def(
        "add_votes", &add_votes, "labels"_a.noconvert(), "neighbors"_a.noconvert(), "weights"_a.noconvert(),
        "votes"_a.noconvert(), "n_threads"_a
    );
    m.def(
        "rank_classes", &rank_classes, "labels"_a.noconvert(), "neighbors"_a.noconvert(), "weights"_a.noconvert(),
        "k_values"_a.noconvert(), "n_classes"_a, "ranked"_a.noconvert(), "n_threads"_a
    );
}

} // namespace deeprob::bind
