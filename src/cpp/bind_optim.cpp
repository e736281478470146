// NumPy <-> the update rules.
#include "bind_checks.hpp"
#include "optim/rule.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace deeprob::bind {

namespace {

using core::Index;

// Elements of one task: some microseconds.
constexpr Index kBlock = Index{1} << 15;

template <class T>
void update(
    const std::string& rule_name, const HyperparameterTuple& hyperparameters, Index step, core::MutableVector<T> params,
    const core::ConstVector<T>& grad, core::Matrix<T> slots, int n_threads
) {
    const auto rule = optim::rule_named(rule_name);
    const optim::Hyperparameters h = hyperparameters_of(hyperparameters);
    const Index n = params.size();
    if (grad.size() != n || slots.rows() != optim::n_slots(rule, h) || (slots.rows() > 0 && slots.cols() != n)) {
        throw py::type_error("grad must be as long as params, and slots must hold the rows that the rule needs");
    }
    require_range("step", step, 1, std::numeric_limits<std::int64_t>::max() / 2);
    require_aligned("params", params);
    require_aligned("grad", grad);
    require_aligned("slots", slots);
    without_gil([&] {
        const optim::Update<T> one_step(rule, h, step);
        const core::Execution whole{n_threads, nullptr}; // a step is short, and must not stop half way
        core::parallel_for(core::ceil_div(n, kBlock), whole, [&](Index task, int, core::LoopControl&) {
            const Index first = task * kBlock;
            std::array<T*, optim::kMaxSlots> starts{};
            for (Index s = 0; s < slots.rows(); ++s) starts[static_cast<std::size_t>(s)] = &slots(s, first);
            one_step(params.data() + first, grad.data() + first, starts.data(), std::min(kBlock, n - first));
        });
        return 0;
    });
}

template <class T> void bind_update(py::module_& m) {
    using namespace py::literals;
    m.def(
        "update", &update<T>, "rule"_a, "hyperparameters"_a, "step"_a, "params"_a.noconvert(), "grad"_a.noconvert(),
        "slots"_a.noconvert(), "n_threads"_a
    );
}

} // namespace

void bind_optim(py::module_& m) {
    bind_update<float>(m);
    bind_update<double>(m);
}

} // namespace deeprob::bind
