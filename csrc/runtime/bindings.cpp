// The Python module pydl._native: the kernels of each instruction set, thread count, allocator, build facts.
#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#define NPY_TARGET_VERSION NPY_1_22_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL pydl_numpy
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <numpy/arrayobject.h>

#include <string>

#include "arena.h"
#include "arrays.h"
#include "dispatch.h"
#include "native_kernel.h"
#include "recording.h"
#include "threads.h"

namespace py = pybind11;

namespace pydl {
namespace {

py::dict kernels(const std::string& isa) {
    bool runnable = false;
    for (const std::string& each : runnable_isas()) runnable |= each == isa;
    if (!runnable)
        throw py::value_error("kernels: this build or processor has no instruction set '" + isa + "'");
    py::dict result;
    for (const Kernel& kernel : kernels_of(isa)) {
        const py::object callable = make_native_kernel(kernel);
        result[callable.attr("__name__")] = callable;
    }
    return result;
}

py::dict arena_stats() {
    const ArenaStatistics now = arena_statistics();
    py::dict result;
    result["bytes_in_use"] = now.bytes_in_use;
    result["bytes_cached"] = now.bytes_cached;
    result["system_requests"] = now.system_requests;
    return result;
}

std::string compiler() {
#if defined(__clang__)
    return std::string("clang ") + __clang_version__;
#else
    return std::string("gcc ") + __VERSION__;
#endif
}

bool has_openmp() {
#ifdef _OPENMP
    return true;
#else
    return false;
#endif
}

}  // namespace
}  // namespace pydl

PYBIND11_MODULE(_native, module) {
    using namespace pydl;
    import_array1();
    add_native_kernel_type(module);
    add_recording_type(module);
    if (!add_array_functions(module.ptr())) throw py::error_already_set();
    module.attr("isas") = py::tuple(py::cast(runnable_isas()));
    module.attr("compiler") = compiler();
    module.attr("openmp") = has_openmp();
    module.def("kernels", &kernels, py::arg("isa"), "{name: kernel} of one instruction set");
    module.def("set_num_threads", &set_num_threads, py::arg("n"));
    module.def("get_num_threads", &num_threads);
    module.def("control_group_quota", &control_group_quota, py::arg("memberships"), py::arg("root"));
    module.def("arena_stats", &arena_stats);
    module.def("arena_trim", &arena_trim, "gives cached memory back to the operating system");
}
