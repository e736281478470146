// Clusters of rows: rows that lie close together are packed together, and met by the queries near them first.
#pragma once

#include "knn/pairwise.hpp"

#include <span>
#include <vector>

namespace deeprob::knn {

// The number of the nearest center of each row, of equally near ones the first. Rows of float32.
inline std::vector<Index> nearest_centers(const Rows& rows, const Rows& centers, const core::Execution& execution) {
    constexpr Index kRowsAtOnce = 16384;
    constexpr Index kRowsPerTask = 256;
    const std::vector<double> origin(static_cast<std::size_t>(rows.n_features));
    const Centering centering(Metric::sqeuclidean, origin.data(), rows.n_features, 1.0);
    const Index n_centers = centers.n_rows;
    std::vector<Index> nearest(static_cast<std::size_t>(rows.n_rows));
    std::vector<float> distances(static_cast<std::size_t>(std::min(kRowsAtOnce, rows.n_rows) * n_centers));
    for (Index first = 0; first < rows.n_rows; first += kRowsAtOnce) {
        Rows part = rows;
        part.data += first * rows.stride;
        part.n_rows = std::min(kRowsAtOnce, rows.n_rows - first);
        const auto report = pairwise_distances<float>(part, centers, centering, distances.data(), n_centers, execution);
        if (report.unusable_x >= 0 || report.unusable_y >= 0) break; // all in the first cluster
        core::parallel_for(
            core::ceil_div(part.n_rows, kRowsPerTask), execution, [&](Index task, int /*thread*/, core::LoopControl&) {
                const Index end = std::min((task + 1) * kRowsPerTask, part.n_rows);
                for (Index row = task * kRowsPerTask; row < end; ++row) {
                    const std::span values{distances.data() + row * n_centers, static_cast<std::size_t>(n_centers)};
                    nearest[static_cast<std::size_t>(first + row)] = std::ranges::min_element(values) - values.begin();
                }
            }
        );
    }
    return nearest;
}

// Writes the rows cluster by cluster, and where each cluster starts among them; one more start is the end.
inline void sort_into_clusters(
    const Rows& rows, const Rows& centers, Index* order, Index* starts, const core::Execution& execution
) {
    const std::vector<Index> nearest = nearest_centers(rows, centers, execution);
    std::fill_n(starts, centers.n_rows + 1, 0);
    for (const Index cluster : nearest) ++starts[cluster + 1];
    for (Index c = 0; c < centers.n_rows; ++c) starts[c + 1] += starts[c];
    std::vector<Index> next(starts, starts + centers.n_rows);
    for (std::size_t row = 0; row < nearest.size(); ++row) {
        order[next[static_cast<std::size_t>(nearest[row])]++] = static_cast<Index>(row);
    }
}

// Moves the centers, (n_centers, n_columns), to the means of the rows nearest to them (Lloyd 1982), and puts them into the order
// of a walk from each to the nearest one left. Returns how many have rows; these come first.
inline Index fit_clusters(const Rows& rows, core::Matrix<float>& centers, const core::Execution& execution) {
    constexpr int kIterations = 2;
    const Index n_columns = centers.cols();
    const auto as_rows = [&](Index n) {
        const auto stride = n_columns * static_cast<Index>(sizeof(float));
        return Rows{reinterpret_cast<const std::byte*>(centers.data()), n, n_columns, stride, core::Dtype::float32};
    };
    Index n_centers = centers.rows();
    for (int iteration = 0; iteration < kIterations; ++iteration) {
        const std::vector<Index> nearest = nearest_centers(rows, as_rows(n_centers), execution);
        Eigen::MatrixXd sums = Eigen::MatrixXd::Zero(n_columns, n_centers);
        std::vector<Index> sizes(static_cast<std::size_t>(n_centers));
        for (Index row = 0; row < rows.n_rows; ++row) {
            const Index cluster = nearest[static_cast<std::size_t>(row)];
            sums.col(cluster) += Eigen::Map<const Eigen::VectorXf>(rows.row<float>(row), n_columns).cast<double>();
            ++sizes[static_cast<std::size_t>(cluster)];
        }
        Index kept = 0;
        for (Index c = 0; c < n_centers; ++c) {
            const Index size = sizes[static_cast<std::size_t>(c)];
            if (size > 0) centers.row(kept++) = (sums.col(c) / static_cast<double>(size)).cast<float>().transpose();
        }
        n_centers = kept;
    }
    for (Index at = 1; at < n_centers; ++at) {
        const auto left = centers.middleRows(at, n_centers - at);
        Index nearest = 0;
        (left.rowwise() - centers.row(at - 1)).rowwise().squaredNorm().minCoeff(&nearest);
        centers.row(at).swap(centers.row(at + nearest));
    }
    return n_centers;
}

} // namespace deeprob::knn
