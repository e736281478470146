// Loss and gradient over all examples: (sum of w_i loss_i) / (sum of w_i) + penalty.
#pragma once

#include "linear/pass.hpp"
#include "linear/penalty.hpp"

namespace deeprob::linear {

// Examples are cut into chunks with a gradient each, as long as these are small; a block of rows then stays in the second-level
// cache. Otherwise there is one gradient, whose slices the threads share, and larger blocks, for which it is read more rarely.
inline constexpr Index kMaxChunks = 16;
inline constexpr Index kMinChunkRows = 512;
inline constexpr Index kMaxChunkBytes = Index{512} * 1024;
inline constexpr Index kChunkBlockBytes = Index{768} * 1024;
inline constexpr Index kTeamBlockBytes = Index{4} * 1024 * 1024;

constexpr Index n_chunks(Index n_rows, Index gradient_bytes) {
    return gradient_bytes > kMaxChunkBytes ? 1 : std::clamp<Index>(n_rows / kMinChunkRows, 1, kMaxChunks);
}

// The sums over the examples of one chunk.
template <class T> struct ChunkSums {
    T* gradients; // as the weights
    Index n_classes;
    Index stride;
    double losses = 0;
    double weights = 0;

    void loss(Index /*batch*/, Index /*classifier*/, double sum, double weight) {
        losses = sum;
        weights = weight;
    }

    void gradient(
        Index /*batch*/, Index /*classifier*/, Range classes, Index s, const T* values, double /*weight*/
    ) const {
        const Range columns = slice(stride, s);
        T* place = gradients + weight_offset(n_classes, columns, classes.begin);
        if (values != place) std::copy(values, values + classes.size() * columns.size(), place);
    }
};

// Leaves the gradient of the objective where the first chunk has its own, and returns the objective.
template <class T> double add_up(const std::vector<ChunkSums<T>>& chunks, const Penalty& penalty, const T* weights) {
    T* gradient = chunks.front().gradients;
    const Index n_classes = chunks.front().n_classes;
    const Index stride = chunks.front().stride;
    double total = 0;
    double weight = 0;
    for (const ChunkSums<T>& chunk : chunks) {
        total += chunk.losses;
        weight += chunk.weights;
    }
    const double inverse = weight > 0 ? 1 / weight : 0;
    double value = total * inverse;
    for (Index i = 0; i < n_classes * stride; ++i) {
        double sum = 0;
        for (const ChunkSums<T>& chunk : chunks) sum += static_cast<double>(chunk.gradients[i]);
        gradient[i] = static_cast<T>(sum * inverse);
    }
    if (penalty.none()) return value;
    for (Index s = 0; s < n_slices(stride); ++s) {
        const Range columns = slice(stride, s);
        for (Index c = 0; c < n_classes; ++c) {
            const Index row = weight_offset(n_classes, columns, c);
            value += penalty.add_gradient(weights + row, columns.begin, columns.size(), gradient + row);
        }
    }
    return value;
}

// Writes the gradient, laid out as the weights, and returns the loss. Where the loss is not finite the gradient is NaN.
template <class T>
double loss_and_gradient(
    const Examples<T>& examples, const Loss& loss, const Penalty& penalty, Index n_classes, const T* weights,
    T* gradient, const core::Execution& execution
) {
    const Index stride = column_stride(examples.n_columns());
    const Index size = n_classes * stride;
    const Index n_rows = examples.rows.n_rows;
    const Index chunks = n_chunks(n_rows, size * static_cast<Index>(sizeof(T)));
    const Shape shape = shape_of<T>(n_classes, stride, n_rows, chunks == 1 ? kTeamBlockBytes : kChunkBlockBytes);
    core::AlignedVector<T> partial(
        static_cast<std::size_t>((chunks - 1) * size)
    ); // the first chunk has the result's place
    std::vector<ChunkSums<T>> sums(static_cast<std::size_t>(chunks), ChunkSums<T>{gradient, n_classes, stride});
    for (Index i = 1; i < chunks; ++i) sums[static_cast<std::size_t>(i)].gradients = partial.data() + (i - 1) * size;
    std::vector<Pass<T>> passes;
    const auto make_pass = [&](int n_threads) {
        passes.emplace_back(examples, shape, std::vector<Classifier<T>>{{weights, gradient, loss}}, n_threads);
    };
    if (chunks == 1) {
        make_pass(core::team_limit(n_slices(stride), execution));
        core::run_team(n_slices(stride), execution, [&](core::Team& team, int thread, core::LoopControl& control) {
            passes[0].run(team, thread, control, 0, {nullptr, 0, n_rows}, {}, sums[0]);
        });
    } else {
        for (int t = core::team_size(chunks, execution); t > 0; --t) make_pass(1);
        core::parallel_for(chunks, execution, [&](Index chunk, int thread, core::LoopControl& control) {
            const Range rows = part(n_rows, chunks, chunk);
            const Range after = part(n_rows, chunks, std::min(chunk + 1, chunks - 1));
            const Selection next{nullptr, after.begin, chunk + 1 < chunks ? after.size() : 0}; // likely
            core::Team alone(1);
            Pass<T>& pass = passes[static_cast<std::size_t>(thread)];
            ChunkSums<T>& chunk_sums = sums[static_cast<std::size_t>(chunk)];
            pass.set_gradient(chunk_sums.gradients);
            pass.run(alone, 0, control, 0, {nullptr, rows.begin, rows.size()}, next, chunk_sums);
        });
    }
    const double value = add_up(sums, penalty, weights);
    // Passes over examples of such a loss leave out their gradients.
    if (!std::isfinite(value)) std::fill_n(gradient, size, std::numeric_limits<T>::quiet_NaN());
    return value;
}

} // namespace deeprob::linear
