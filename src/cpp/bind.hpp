// What every binding uses: NumPy arrays as the views of core/matrix.hpp, and calls without the GIL that Ctrl-C can stop.
#pragma once

#include "core/matrix.hpp"
#include "core/parallel.hpp"
#include "optim/rule.hpp"

#include <pybind11/eigen.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <tuple>

namespace deeprob::bind {

namespace py = pybind11;

void bind_knn(py::module_& m);
void bind_linear(py::module_& m);
void bind_algebra(py::module_& m);
void bind_boxes(py::module_& m);
void bind_distances(py::module_& m);
void bind_optim(py::module_& m);

// Refuses what is not a 2-D aligned array of a supported dtype whose rows are contiguous.
core::Rows rows_of(const py::array& array);

using Labels = core::ConstVector<std::int64_t>;

// An empty list, of representatives for instance, means that every row stands for itself.
inline const core::Index* or_null(const Labels& values) { return values.size() == 0 ? nullptr : values.data(); }

// In the order of optim::Hyperparameters.
using HyperparameterTuple =
    std::tuple<double, double, double, double, double, double, double, double, double, bool, bool, bool, bool, bool>;

inline optim::Hyperparameters hyperparameters_of(const HyperparameterTuple& values) {
    return std::apply([](auto... value) { return optim::Hyperparameters{value...}; }, values);
}

inline bool interrupted() {
    const py::gil_scoped_acquire gil;
    return PyErr_CheckSignals() != 0;
}

inline core::Execution execution(int n_threads) { return {n_threads, &interrupted}; }

template <class F> auto without_gil(const F& compute) {
    try {
        const py::gil_scoped_release released;
        return compute();
    } catch (const core::Interrupted&) {
        throw py::error_already_set();
    }
}

} // namespace deeprob::bind
