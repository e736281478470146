// A principal axis tree (McNames 2001): each node cuts its rows in halves across the direction in which they vary most. In the
// order of its leaves, rows that follow one another lie close together.
#pragma once

#include "core/parallel.hpp"
#include "knn/pack_prefix.hpp"

#include <Eigen/Core>

namespace deeprob::knn {

// The nodes level by level: below node i are 2 i + 1, where rows fall short of the cut, and 2 i + 2.
template <class Number> struct AxisTreeOf {
    Number* axes; // (n_nodes, n_columns)
    Number* cuts; // (n_nodes), along the axis
    Index n_nodes;
    Index n_columns; // the first of the rows
    [[nodiscard]] Index n_leaves() const { return n_nodes + 1; }
};
using AxisTree = AxisTreeOf<const float>;
using AxisTreeOut = AxisTreeOf<float>;

// Fits the tree to sampled rows.
class AxisTreeBuilder {
  public:
    AxisTreeBuilder(const PrefixColumns& rows, Index n_rows, const AxisTreeOut& tree)
        : rows_(rows), tree_(tree), ids_(static_cast<std::size_t>(n_rows)) {
        for (std::size_t i = 0; i < ids_.size(); ++i) ids_[i] = static_cast<Index>(i);
    }

    void build() {
        std::vector<std::span<Index>> parts(static_cast<std::size_t>(2 * tree_.n_nodes + 1));
        parts[0] = ids_;
        for (Index node = 0; node < tree_.n_nodes; ++node) {
            const std::span<Index> ids = parts[static_cast<std::size_t>(node)];
            const std::size_t n_below = cut(node, ids);
            parts[static_cast<std::size_t>(2 * node + 1)] = ids.first(n_below);
            parts[static_cast<std::size_t>(2 * node + 2)] = ids.subspan(n_below);
        }
    }

  private:
    using Vector = Eigen::VectorXf;

    // Brings the rows that fall short of the cut to the front; returns how many do.
    std::size_t cut(Index node, std::span<Index> ids) {
        const Vector axis = longest_axis(ids);
        std::vector<float> along(ids.size());
        std::ranges::transform(ids, along.begin(), [&](Index id) { return row(id).dot(axis); });
        std::vector<float> sorted = along;
        const auto half = sorted.begin() + std::ssize(sorted) / 2;
        std::ranges::nth_element(sorted, half);
        const float middle = sorted.empty() ? 0 : *half;
        Eigen::Map<Vector>(tree_.axes + node * tree_.n_columns, tree_.n_columns) = axis;
        tree_.cuts[node] = middle;
        std::size_t n_below = 0;
        for (std::size_t i = 0; i < ids.size(); ++i) {
            if (along[i] >= middle) continue;
            std::swap(ids[i], ids[n_below]);
            std::swap(along[i], along[n_below]);
            ++n_below;
        }
        return n_below;
    }

    [[nodiscard]] Eigen::Map<const Vector> row(Index id) const { return {rows_.row(id), tree_.n_columns}; }

    // By a few steps of power iteration.
    [[nodiscard]] Vector longest_axis(std::span<const Index> ids) const {
        constexpr int kSteps = 4;
        Vector mean = Vector::Zero(tree_.n_columns);
        for (const Index id : ids) mean += row(id);
        mean /= static_cast<float>(std::max<std::size_t>(1, ids.size()));
        Vector axis = Vector::Zero(tree_.n_columns);
        axis[0] = 1;
        for (int step = 0; step < kSteps; ++step) {
            Vector next = Vector::Zero(tree_.n_columns);
            for (const Index id : ids) next += (row(id) - mean).dot(axis) * (row(id) - mean);
            const float norm = next.norm();
            if (!(norm > 0) || !std::isfinite(norm)) break; // rows that do not vary along the axis
            axis = next / norm;
        }
        return axis;
    }

    PrefixColumns rows_;
    AxisTreeOut tree_;
    std::vector<Index> ids_;
};

// Writes the rows leaf by leaf.
inline void sort_by_axes(
    const PrefixColumns& rows, Index n_rows, const AxisTree& tree, Index* order, const core::Execution& execution
) {
    constexpr Index kRowsPerTask = 1024;
    std::vector<Index> leaves(static_cast<std::size_t>(n_rows));
    core::parallel_for(
        core::ceil_div(n_rows, kRowsPerTask), execution, [&](Index task, int /*thread*/, core::LoopControl&) {
            const Index end = std::min((task + 1) * kRowsPerTask, n_rows);
            for (Index i = task * kRowsPerTask; i < end; ++i) {
                const Eigen::Map<const Eigen::VectorXf> row(rows.row(i), tree.n_columns);
                Index node = 0;
                while (node < tree.n_nodes) {
                    const Eigen::Map<const Eigen::VectorXf> axis(tree.axes + node * tree.n_columns, tree.n_columns);
                    node = 2 * node + (row.dot(axis) < tree.cuts[node] ? 1 : 2);
                }
                leaves[static_cast<std::size_t>(i)] = node - tree.n_nodes;
            }
        }
    );
    std::vector<Index> next(static_cast<std::size_t>(tree.n_leaves()) + 1);
    for (const Index leaf : leaves) ++next[static_cast<std::size_t>(leaf) + 1];
    for (std::size_t leaf = 1; leaf < next.size(); ++leaf) next[leaf] += next[leaf - 1];
    for (Index i = 0; i < n_rows; ++i) order[next[static_cast<std::size_t>(leaves[static_cast<std::size_t>(i)])]++] = i;
}

} // namespace deeprob::knn
