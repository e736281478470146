// The module `_cpu`: which instruction-set levels this processor and operating system can run. Compiled for the baseline and
// imported before any kernel module, so that code for a missing level is never loaded.
#include <pybind11/pybind11.h>

namespace py = pybind11;

namespace {

// Levels of the x86-64 psABI by the features that their kernels use; the compiler's run time also asks the operating system
// whether it saves the registers.
py::list runnable() {
    py::list levels;
    levels.append("baseline");
#if defined(__x86_64__)
    __builtin_cpu_init();
    const bool v3 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0
                    && __builtin_cpu_supports("bmi") != 0 && __builtin_cpu_supports("bmi2") != 0
                    && __builtin_cpu_supports("popcnt") != 0;
    const bool v4 = v3 && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0
                    && __builtin_cpu_supports("avx512cd") != 0 && __builtin_cpu_supports("avx512dq") != 0
                    && __builtin_cpu_supports("avx512vl") != 0;
    if (v3) levels.append("x86-64-v3");
    if (v4) levels.append("x86-64-v4");
#endif
    return levels;
}

} // namespace

PYBIND11_MODULE(_cpu, m, py::mod_gil_not_used()) {
    m.doc() = "Instruction-set levels that this machine can run.";
    m.def("runnable", &runnable, "Names of the runnable levels, slowest first.");
}
