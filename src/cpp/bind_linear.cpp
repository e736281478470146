// Linear classifiers: losses, gradients, training.
#include "bind_checks.hpp"

#include "linear/evaluate.hpp"
#include "linear/objective.hpp"
#include "linear/train.hpp"

#include <pybind11/stl.h>

namespace deeprob::bind {

namespace {

using core::Index;

// An empty vector stands for an absent one.
template <class T> const T* data_or_null(const core::ConstVector<T>& values) {
    return values.size() == 0 ? nullptr : values.data();
}

// rows, labels (of every row, or none for scores alone), sample_weights, shift, scale, bias
template <class T>
using ExamplesRecord =
    std::tuple<py::array, Labels, core::ConstVector<double>, core::ConstVector<T>, core::ConstVector<T>, bool>;

template <class T> linear::Examples<T> examples_of(const ExamplesRecord<T>& record) {
    const auto& [array, labels, sample_weights, shift, scale, bias] = record;
    const core::Rows rows = rows_of(array);
    require_rows("rows", rows, rows.n_features);
    require(
        std::is_same_v<T, double> || rows.dtype != core::Dtype::float64, "weights",
        "must be float64 for rows of float64"
    );
    if (sample_weights.size() > 0) require_size("sample_weights", sample_weights, rows.n_rows);
    require_size("scale", scale, shift.size());
    if (shift.size() > 0) require_size("shift", shift, rows.n_features);
    return {rows, labels.data(), data_or_null<double>(sample_weights), data_or_null<T>(shift), data_or_null<T>(scale),
            bias};
}

template <class T>
void require_labels(const linear::Examples<T>& examples, const ExamplesRecord<T>& record, Index n_classes) {
    const Labels& labels = std::get<1>(record);
    require_size("labels", labels, examples.rows.n_rows);
    require_within("labels", labels, n_classes);
}

// Elements of the weights of that many classifiers.
template <class T> Index n_weights(const linear::Examples<T>& examples, Index n_classifiers, Index n_classes) {
    require_range("n_classes", n_classes, 1, std::numeric_limits<std::int32_t>::max());
    return product({n_classifiers, n_classes, linear::column_stride(examples.n_columns())});
}

// l2, l1, n_penalized
using PenaltyRecord = std::tuple<double, double, Index>;

linear::Penalty penalty_of(const PenaltyRecord& record) {
    const auto [l2, l1, n_penalized] = record;
    require_range("n_penalized", n_penalized, 0, std::numeric_limits<std::int32_t>::max());
    return {l2, l1, n_penalized};
}

// name, delta
using LossRecord = std::tuple<std::string, double>;

linear::Loss loss_of(const LossRecord& record) {
    return {linear::formula_of(std::get<0>(record)), std::get<1>(record)};
}

template <class T>
double loss_and_gradient(
    const ExamplesRecord<T>& record, const LossRecord& loss, const PenaltyRecord& penalized, Index n_classes,
    const core::ConstVector<T>& weights, core::MutableVector<T> gradient, int n_threads
) {
    const auto examples = examples_of<T>(record);
    require_labels(examples, record, n_classes);
    require_size("weights", weights, n_weights(examples, 1, n_classes));
    require_size("gradient", gradient, weights.size());
    const linear::Loss formula = loss_of(loss);
    const linear::Penalty penalty = penalty_of(penalized);
    return without_gil([&] {
        return linear::loss_and_gradient<T>(
            examples, formula, penalty, n_classes, weights.data(), gradient.data(), execution(n_threads)
        );
    });
}

// loss, penalty, rule, hyperparameters
using ClassifierRecord = std::tuple<LossRecord, PenaltyRecord, std::string, HyperparameterTuple>;

linear::ClassifierSettings classifier_settings(const ClassifierRecord& classifier) {
    const auto& [loss, penalty, rule, hyperparameters] = classifier;
    return {
        .loss = loss_of(loss),
        .penalty = penalty_of(penalty),
        .rule = optim::rule_named(rule),
        .hyperparameters = hyperparameters_of(hyperparameters)
    };
}

// order, starts
using BatchesRecord = std::tuple<Labels, Labels>;

template <class T>
void train(
    const ExamplesRecord<T>& record, const BatchesRecord& drawn, const py::list& classifiers,
    const py::array& schedule_array, Index n_classes, core::MutableVector<T> weights, core::MutableVector<T> slots,
    core::Matrix<double> history, Index first_step, int n_threads
) {
    const auto& [order, starts] = drawn;
    static_assert(sizeof(linear::ScheduledStep) == 2 * sizeof(double));
    const auto examples = examples_of<T>(record);
    std::vector<linear::ClassifierSettings> settings;
    for (const py::handle classifier : classifiers) {
        settings.push_back(classifier_settings(classifier.cast<ClassifierRecord>()));
    }
    const Index size = weights.size();
    const auto n_classifiers = static_cast<Index>(settings.size());
    require_labels(examples, record, n_classes);
    require_size("weights", weights, n_weights(examples, n_classifiers, n_classes));
    require_size("slots", slots, optim::kMaxSlots * size);
    require_within("order", order, examples.rows.n_rows);
    require(starts.size() > 0 && n_classifiers > 0, "starts, classifiers", "must not be empty");
    require_ascending("starts", starts, order.size());
    const Index n_steps = starts.size() - 1;
    const auto schedule = matrix_of<double>("schedule", schedule_array);
    require_shape("schedule", schedule, product({n_classifiers, n_steps}), 2);
    require_shape("history", history, n_classifiers, n_steps);
    require_range("first_step", first_step, 0, std::numeric_limits<std::int64_t>::max() / 2);
    const linear::TrainingState<T> state{
        weights.data(),
        {slots.data(), slots.data() + size, slots.data() + 2 * size},
        reinterpret_cast<const linear::ScheduledStep*>(schedule.data()),
        history.data(),
        first_step
    };
    const linear::Batches batches{order.data(), starts.data(), n_steps};
    without_gil([&] { linear::train<T>(examples, batches, settings, state, n_classes, execution(n_threads)); });
}

template <class T>
void linear_scores(
    const ExamplesRecord<T>& record, Index n_classes, const core::ConstVector<T>& weights, core::Matrix<T> out,
    int n_threads
) {
    const auto examples = examples_of<T>(record);
    require_size("weights", weights, n_weights(examples, 1, n_classes));
    require(
        out.rows() == examples.rows.n_rows && out.cols() == n_classes, "out",
        "must have a row for each of rows, a column for each class"
    );
    require_aligned("out", out);
    without_gil([&] {
        linear::scores_of_rows<T>(
            examples, weights.data(), n_classes, out.data(), out.outerStride(), execution(n_threads)
        );
    });
}

template <class T>
void evaluate(
    const ExamplesRecord<T>& record, const py::list& losses, Index n_classes, const core::ConstVector<T>& weights,
    core::MutableVector<double> mean_losses, core::MutableVector<double> accuracies, int n_threads
) {
    const auto examples = examples_of<T>(record);
    std::vector<linear::Loss> formulas;
    for (const py::handle loss : losses) formulas.push_back(loss_of(loss.cast<LossRecord>()));
    const auto n_classifiers = static_cast<Index>(formulas.size());
    require(n_classifiers > 0, "losses", "must not be empty");
    require_labels(examples, record, n_classes);
    require_size("weights", weights, n_weights(examples, n_classifiers, n_classes));
    require_size("mean_losses", mean_losses, n_classifiers);
    require_size("accuracies", accuracies, n_classifiers);
    without_gil([&] {
        linear::evaluate<T>(
            examples, formulas, weights.data(), n_classes, mean_losses.data(), accuracies.data(), execution(n_threads)
        );
    });
}

// Begins of the slices into which the columns of a classifier are cut, and the end of the last.
std::vector<Index> column_slices(Index n_columns) {
    require_range("n_columns", n_columns, 1, std::numeric_limits<std::int32_t>::max());
    const Index stride = linear::column_stride(n_columns);
    std::vector<Index> bounds{0};
    for (Index s = 0; s < linear::n_slices(stride); ++s) bounds.push_back(linear::slice(stride, s).end);
    return bounds;
}

template <class T> void bind_computing_in(py::module_& m) {
    using namespace py::literals;
    m.def(
        "linear_scores", &linear_scores<T>, "examples"_a.noconvert(), "n_classes"_a, "weights"_a.noconvert(),
        "out"_a.noconvert(), "n_threads"_a
    );
    m.def(
        "evaluate", &evaluate<T>, "examples"_a.noconvert(), "losses"_a, "n_classes"_a, "weights"_a.noconvert(),
        "mean_losses"_a.noconvert(), "accuracies"_a.noconvert(), "n_threads"_a
    );
    m.def(
        "train", &train<T>, "examples"_a.noconvert(), "batches"_a.noconvert(), "classifiers"_a,
        "schedule"_a.noconvert(), "n_classes"_a, "weights"_a.noconvert(), "slots"_a.noconvert(),
        "history"_a.noconvert(), "first_step"_a, "n_threads"_a
    );
    m.def(
        "loss_and_gradient", &loss_and_gradient<T>, "examples"_a.noconvert(), "loss"_a, "penalty"_a, "n_classes"_a,
        "weights"_a.noconvert(), "gradient"_a.noconvert(), "n_threads"_a
    );
}

} // namespace

void bind_linear(py::module_& m) {
    using namespace py::literals;
    bind_computing_in<float>(m);
    bind_computing_in<double>(m);
    m.def("column_slices", &column_slices, "n_columns"_a);
}

} // namespace deeprob::bind
