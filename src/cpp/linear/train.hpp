// Minibatch training of many heads on one stream of batches: any loss, any penalty, any update rule. A tile of the gradient
// updates its weights while it is in the cache.
#pragma once

#include "core/borrowed.hpp"
#include "linear/pass.hpp"
#include "linear/penalty.hpp"
#include "optim/rule.hpp"

namespace deeprob::linear {

// A whole minibatch as one block, where it fits: then no gradient is ever stored.
inline constexpr Index kTrainBlockBytes = Index{3} * 512 * 1024;

// Below as many multiplications a batch, waiting for a second thread costs more than it gives.
inline constexpr Index kMinShare = 64'000;

struct HeadSettings {
    Loss loss;
    Penalty penalty;
    optim::Rule rule;
    optim::Hyperparameters hyperparameters;
};

// What a schedule changes from step to step.
struct ScheduledStep {
    double learning_rate;
    double momentum; // of SGD and RMSprop; beta1 of Adam
};

// The heads' parameters and states, head after head, and what is recorded.
template <class T> struct TrainingState {
    T* weights;
    T* slots[optim::kMaxSlots];
    const ScheduledStep* schedule; // (n_heads, n_steps)
    double* history;               // (n_heads, n_steps): the objective on each batch, before the update
    Index first_step;              // steps done before
};

struct Batches {
    const std::int64_t* order;  // numbers of examples
    const std::int64_t* starts; // batch i is order[starts[i]] .. order[starts[i + 1] - 1]
    Index n_steps;

    [[nodiscard]] Selection operator[](Index i) const { return {order, starts[i], starts[i + 1] - starts[i]}; }
};

// What Pass finds goes into the history and the weights.
template <class T> class Trainer {
  public:
    Trainer(
        core::Borrowed<std::vector<HeadSettings>> settings, const TrainingState<T>& state, Index n_classes,
        Index stride, Index n_steps
    )
        : settings_(settings), state_(state), n_classes_(n_classes), stride_(stride), n_steps_(n_steps),
          penalties_(settings->size() * static_cast<std::size_t>(n_steps * n_slices(stride))) {}

    [[nodiscard]] T* weights_of(Index head) const { return state_.weights + head * n_classes_ * stride_; }

    void loss(Index step, Index head, double sum, double weight) const {
        state_.history[head * n_steps_ + step] = weight > 0 ? sum / weight : 0;
    }

    void gradient(Index step, Index head, Range classes, Index s, T* gradients, double weight) {
        const HeadSettings& settings = settings_[static_cast<std::size_t>(head)];
        const Range columns = slice(stride_, s);
        const T inverse = weight > 0 ? static_cast<T>(1 / weight) : T{0};
        const optim::Update<T> update(settings.rule, scheduled(settings, head, step), state_.first_step + step + 1);
        for (Index c = classes.begin; c < classes.end; ++c, gradients += columns.size()) {
            for (Index d = 0; d < columns.size(); ++d) gradients[d] *= inverse;
            const Index offset = head * n_classes_ * stride_ + weight_offset(n_classes_, columns, c);
            T* weights = state_.weights + offset;
            if (!settings.penalty.none()) {
                penalty(step, head, s) +=
                    settings.penalty.add_gradient(weights, columns.begin, columns.size(), gradients);
            }
            T* slots[optim::kMaxSlots];
            for (Index i = 0; i < optim::kMaxSlots; ++i) slots[i] = state_.slots[i] + offset;
            update(weights, gradients, slots, columns.size());
        }
    }

    // Adds the penalties to the history, in the order of the slices.
    void finish() {
        const auto n_heads = static_cast<Index>(settings_.size());
        for (Index head = 0; head < n_heads; ++head) {
            for (Index step = 0; step < n_steps_; ++step) {
                for (Index s = 0; s < n_slices(stride_); ++s) {
                    state_.history[head * n_steps_ + step] += penalty(step, head, s);
                }
            }
        }
    }

  private:
    double& penalty(Index step, Index head, Index s) {
        return penalties_[static_cast<std::size_t>((head * n_steps_ + step) * n_slices(stride_) + s)];
    }

    [[nodiscard]] optim::Hyperparameters scheduled(const HeadSettings& settings, Index head, Index step) const {
        const ScheduledStep& now = state_.schedule[head * n_steps_ + step];
        optim::Hyperparameters result = settings.hyperparameters;
        result.learning_rate = now.learning_rate;
        (settings.rule == optim::Rule::adam ? result.beta1 : result.momentum) = now.momentum;
        return result;
    }

    const std::vector<HeadSettings>& settings_;
    TrainingState<T> state_;
    Index n_classes_;
    Index stride_;
    Index n_steps_;
    std::vector<double> penalties_; // (n_heads, n_steps, n_slices)
};

template <class T>
void train(
    const Examples<T>& examples, const Batches& batches, const std::vector<HeadSettings>& settings,
    const TrainingState<T>& state, Index n_classes, const core::Execution& execution
) {
    const Index stride = column_stride(examples.n_columns());
    const auto n_heads = static_cast<Index>(settings.size());
    Index largest = 0;
    for (Index i = 0; i < batches.n_steps; ++i) largest = std::max(largest, batches[i].n_rows);
    const Shape shape = shape_of<T>(n_classes, stride, largest, kTrainBlockBytes);
    core::AlignedVector<T> gradients(
        largest > shape.block_rows ? static_cast<std::size_t>(n_heads * n_classes * stride) : std::size_t{0}
    );
    Trainer<T> trainer(settings, state, n_classes, stride, batches.n_steps);
    std::vector<Head<T>> heads;
    heads.reserve(settings.size());
    for (Index h = 0; h < n_heads; ++h) {
        heads.push_back(
            {trainer.weights_of(h), gradients.empty() ? nullptr : gradients.data() + h * n_classes * stride,
             settings[static_cast<std::size_t>(h)].loss}
        );
    }
    const Index work = n_heads * largest * n_classes * stride;
    const Index shares = std::clamp<Index>(work / kMinShare, 1, n_slices(stride));
    Pass<T> pass(examples, shape, std::move(heads), core::team_limit(shares, execution));
    core::run_team(shares, execution, [&](core::Team& team, int thread, core::LoopControl& control) {
        for (Index i = 0; i < batches.n_steps; ++i) {
            const Selection next = i + 1 < batches.n_steps ? batches[i + 1] : Selection{};
            if (!pass.run(team, thread, control, i, batches[i], next, trainer)) return;
        }
    });
    trainer.finish();
}

} // namespace deeprob::linear
