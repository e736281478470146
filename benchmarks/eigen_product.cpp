// Products of all queries and rows by Eigen and nothing else, into one tile that is written over and over: what a search would
// take whose only cost is Eigen's matrix product.
#include <Eigen/Core>

namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Index = Eigen::Index;

} // namespace

// `tile`: (height, width).
extern "C" void eigen_product(
    const float* queries, Index n_queries, const float* rows, Index n_rows, Index n_features, float* tile, Index height,
    Index width
) {
    for (Index start = 0; start < n_rows; start += width) {
        const Index n = std::min(width, n_rows - start);
        const Eigen::Map<const Matrix> some_rows(rows + start * n_features, n, n_features);
        for (Index first = 0; first < n_queries; first += height) {
            const Index m = std::min(height, n_queries - first);
            const Eigen::Map<const Matrix> block(queries + first * n_features, m, n_features);
            Eigen::Map<Matrix>(tile, m, n).noalias() = block * some_rows.transpose();
        }
    }
}
