// The Python type of a kernel: a callable that checks its arguments against the kernel's parameters,
// releases the interpreter lock and calls.
#pragma once
#include <pybind11/pybind11.h>

#include "kernel_table.h"

namespace pydl {

// Adds the type to the module. Call once, before any kernel object is made.
void add_native_kernel_type(pybind11::module_& module);

bool is_native_kernel(pybind11::handle object);

pybind11::object make_native_kernel(const Kernel& kernel);

}  // namespace pydl
