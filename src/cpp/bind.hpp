// What every binding uses: NumPy arrays as the views of core/matrix.hpp, and calls without the GIL that Ctrl-C can stop.
#pragma once

#include "core/matrix.hpp"
#include "core/parallel.hpp"
#include "optim/rule.hpp"

#include <pybind11/eigen.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <tuple>
#if __has_include(<cxxabi.h>)
#include <cxxabi.h>
#endif

namespace deeprob::bind {

namespace py = pybind11;

void bind_knn(py::module_& m);
void bind_linear(py::module_& m);
void bind_algebra(py::module_& m);
void bind_boxes(py::module_& m);
void bind_prefix(py::module_& m);
void bind_distances(py::module_& m);
void bind_optim(py::module_& m);
void bind_votes(py::module_& m);

// Refuses what is not a 2-D aligned array of a supported dtype whose rows are contiguous.
core::Rows rows_of(const py::array& array);

using Labels = core::ConstVector<std::int64_t>;

// In the order of optim::Hyperparameters.
using HyperparameterTuple =
    std::tuple<double, double, double, double, double, double, double, double, double, bool, bool, bool, bool, bool>;

inline optim::Hyperparameters hyperparameters_of(const HyperparameterTuple& values) {
    return std::apply([](auto... value) { return optim::Hyperparameters{value...}; }, values);
}

// Python's main thread, the only one that signals interrupt.
inline std::atomic<unsigned long>& main_thread() {
    static std::atomic<unsigned long> identifier{0};
    return identifier;
}

// To be called once, when the module is loaded.
inline void know_main_thread() {
    main_thread().store(py::module_::import("threading").attr("main_thread")().attr("ident").cast<unsigned long>());
#if __has_include(<pthread.h>)
    // In a forked child it is the thread that forked.
    pthread_atfork(nullptr, nullptr, [] { main_thread().store(PyThread_get_thread_ident()); });
#endif
}

// Calls what may take the GIL. While the interpreter shuts down, CPython before 3.14 ends a thread that asks for it by unwinding its
// stack, which would release what belongs to Python, without the GIL. Here it stops for ever instead, as later versions have it;
// the process ends without it.
template <class F> decltype(auto) or_stop_for_ever(const F& call) {
#if defined(__GLIBCXX__)
    try {
        return call();
    } catch (const abi::__forced_unwind&) {
        for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
    }
#else
    return call();
#endif
}

inline bool interrupted() {
    return or_stop_for_ever([] {
        const PyGILState_STATE state = PyGILState_Ensure();
        const bool result = PyErr_CheckSignals() != 0;
        PyGILState_Release(state);
        return result;
    });
}

inline core::Execution execution(int n_threads) {
    const bool main = PyThread_get_thread_ident() == main_thread().load();
    return {std::clamp(n_threads, 1, core::most_threads()), main ? &interrupted : nullptr};
}

class ReleasedGil {
  public:
    ReleasedGil() : state_(PyEval_SaveThread()) {}
    // The thread may have to unwind: see or_stop_for_ever.
    ~ReleasedGil() noexcept(false) { // NOLINT(bugprone-unsafe-to-allow-exceptions)
        or_stop_for_ever([&] { PyEval_RestoreThread(state_); });
    }
    ReleasedGil(const ReleasedGil&) = delete;
    ReleasedGil& operator=(const ReleasedGil&) = delete;
    ReleasedGil(ReleasedGil&&) = delete;
    ReleasedGil& operator=(ReleasedGil&&) = delete;

  private:
    PyThreadState* state_;
};

template <class F> auto without_gil(const F& compute) {
    try {
        const ReleasedGil released;
        return compute();
    } catch (const core::Interrupted&) {
        throw py::error_already_set();
    }
}

} // namespace deeprob::bind
