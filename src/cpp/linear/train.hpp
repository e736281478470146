// Minibatch training of many classifiers on one stream of batches: any loss, any penalty, any update rule. A tile of the gradient
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

struct ClassifierSettings {
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

// The classifiers' parameters and states, classifier after classifier, and what is recorded.
template <class T> struct TrainingState {
    T* weights;
    T* slots[optim::kMaxSlots];
    const ScheduledStep* schedule; // (n_classifiers, n_steps)
    double* history;               // (n_classifiers, n_steps): the objective on each batch, before the update
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
        core::Borrowed<std::vector<ClassifierSettings>> settings, const TrainingState<T>& state, Index n_classes,
        Index stride, Index n_steps
    )
        : settings_(settings), state_(state), n_classes_(n_classes), stride_(stride), n_steps_(n_steps),
          penalties_(settings->size() * static_cast<std::size_t>(n_steps * n_slices(stride))) {}

    [[nodiscard]] T* weights_of(Index classifier) const { return state_.weights + classifier * n_classes_ * stride_; }

    void loss(Index step, Index classifier, double sum, double weight) const {
        state_.history[classifier * n_steps_ + step] = weight > 0 ? sum / weight : 0;
    }

    void gradient(Index step, Index classifier, Range classes, Index s, T* gradients, double weight) {
        const ClassifierSettings& settings = settings_[static_cast<std::size_t>(classifier)];
        const Range columns = slice(stride_, s);
        const T inverse = weight > 0 ? static_cast<T>(1 / weight) : T{0};
        const optim::Update<T> update(
            settings.rule, scheduled(settings, classifier, step), state_.first_step + step + 1
        );
        for (Index c = classes.begin; c < classes.end; ++c, gradients += columns.size()) {
            for (Index d = 0; d < columns.size(); ++d) gradients[d] *= inverse;
            const Index offset = classifier * n_classes_ * stride_ + weight_offset(n_classes_, columns, c);
            T* weights = state_.weights + offset;
            if (!settings.penalty.none()) {
                penalty(step, classifier, s) +=
                    settings.penalty.add_gradient(weights, columns.begin, columns.size(), gradients);
            }
            T* slots[optim::kMaxSlots];
            for (Index i = 0; i < optim::kMaxSlots; ++i) slots[i] = state_.slots[i] + offset;
            update(weights, gradients, slots, columns.size());
        }
    }

    // Adds the penalties to the history, in the order of the slices.
    void finish() {
        const auto n_classifiers = static_cast<Index>(settings_.size());
        for (Index classifier = 0; classifier < n_classifiers; ++classifier) {
            for (Index step = 0; step < n_steps_; ++step) {
                for (Index s = 0; s < n_slices(stride_); ++s) {
                    state_.history[classifier * n_steps_ + step] += penalty(step, classifier, s);
                }
            }
        }
    }

  private:
    double& penalty(Index step, Index classifier, Index s) {
        return penalties_[static_cast<std::size_t>((classifier * n_steps_ + step) * n_slices(stride_) + s)];
    }

    [[nodiscard]] optim::Hyperparameters scheduled(
        const ClassifierSettings& settings, Index classifier, Index step
    ) const {
        const ScheduledStep& now = state_.schedule[classifier * n_steps_ + step];
        optim::Hyperparameters result = settings.hyperparameters;
        result.learning_rate = now.learning_rate;
        (settings.rule == optim::Rule::adam ? result.beta1 : result.momentum) = now.momentum;
        return result;
    }

    const std::vector<ClassifierSettings>& settings_;
    TrainingState<T> state_;
    Index n_classes_;
    Index stride_;
    Index n_steps_;
    std::vector<double> penalties_; // (n_classifiers, n_steps, n_slices)
};

template <class T>
void train(
    const Examples<T>& examples, const Batches& batches, const std::vector<ClassifierSettings>& settings,
    const TrainingState<T>& state, Index n_classes, const core::Execution& execution
) {
    const Index stride = column_stride(examples.n_columns());
    const auto n_classifiers = static_cast<Index>(settings.size());
    Index largest = 0;
    for (Index i = 0; i < batches.n_steps; ++i) largest = std::max(largest, batches[i].n_rows);
    const Shape shape = shape_of<T>(n_classes, stride, largest, kTrainBlockBytes);
    core::AlignedVector<T> gradients(
        largest > shape.block_rows ? static_cast<std::size_t>(n_classifiers * n_classes * stride) : std::size_t{0}
    );
    Trainer<T> trainer(settings, state, n_classes, stride, batches.n_steps);
    std::vector<Classifier<T>> classifiers;
    classifiers.reserve(settings.size());
    for (Index h = 0; h < n_classifiers; ++h) {
        classifiers.push_back(
            {trainer.weights_of(h), gradients.empty() ? nullptr : gradients.data() + h * n_classes * stride,
             settings[static_cast<std::size_t>(h)].loss}
        );
    }
    const Index work = n_classifiers * largest * n_classes * stride;
    const Index shares = std::clamp<Index>(work / kMinShare, 1, n_slices(stride));
    Pass<T> pass(examples, shape, std::move(classifiers), core::team_limit(shares, execution));
    core::run_team(shares, execution, [&](core::Team& team, int thread, core::LoopControl& control) {
        for (Index i = 0; i < batches.n_steps; ++i) {
            const Selection next = i + 1 < batches.n_steps ? batches[i + 1] : Selection{};
            if (!pass.run(team, thread, control, i, batches[i], next, trainer)) return;
        }
    });
    trainer.finish();
}

} // namespace deeprob::linear
