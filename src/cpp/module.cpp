// Table of contents of the kernels. Compiled once per instruction-set level, which also names the module.
#include "bind.hpp"

PYBIND11_MODULE(DEEPROB_KERNELS_MODULE, m, pybind11::mod_gil_not_used()) {
    m.doc() = "Kernels of deeprob_fast for one instruction-set level.";
    deeprob::core::watch_forks();
    deeprob::bind::know_main_thread();
    deeprob::bind::bind_knn(m);
    deeprob::bind::bind_algebra(m);
    deeprob::bind::bind_boxes(m);
    deeprob::bind::bind_prefix(m);
    deeprob::bind::bind_distances(m);
    deeprob::bind::bind_linear(m);
    deeprob::bind::bind_optim(m);
    deeprob::bind::bind_votes(m);
}
