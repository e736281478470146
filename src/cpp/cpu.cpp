// The module `_cpu`: which instruction-set levels this processor and operating system can run. Compiled for the baseline and
// imported before any kernel module, so that code for a missing level is never loaded.
#include <array>
#include <pybind11/pybind11.h>
#include <string_view>

namespace py = pybind11;

namespace {

// Levels of the x86-64 psABI by the features that their kernels use; the compiler's run time also asks the operating system
// whether it saves the registers.
py::list runnable() {
    py::list levels;
    const auto append = [&](const char* level) {
        constexpr std::array kBuilt{DEEPROB_LEVELS};
        for (const std::string_view built : kBuilt) {
            if (built == level) levels.append(level);
        }
    };
    append("baseline");
#if defined(__x86_64__)
    __builtin_cpu_init();
    const auto all = [](auto... features) { return ((features != 0) && ...); };
    const bool v3 =
        all(__builtin_cpu_supports("avx2"), __builtin_cpu_supports("fma"), __builtin_cpu_supports("bmi"),
            __builtin_cpu_supports("bmi2"), __builtin_cpu_supports("popcnt"));
    const bool v4 =
        v3
        && all(
            __builtin_cpu_supports("avx512f"), __builtin_cpu_supports("avx512bw"), __builtin_cpu_supports("avx512cd"),
            __builtin_cpu_supports("avx512dq"), __builtin_cpu_supports("avx512vl")
        );
    if (v3) append("x86-64-v3");
    if (v4) append("x86-64-v4");
    // Byte products, of the processors since 2019.
    if (v4 && all(__builtin_cpu_supports("avx512vnni"))) append("x86-64-v4-vnni");
#endif
    return levels;
}

} // namespace

PYBIND11_MODULE(_cpu, m, py::mod_gil_not_used()) {
    m.doc() = "Instruction-set levels that this machine can run.";
    m.def("runnable", &runnable, "Names of the runnable levels, slowest first.");
}
