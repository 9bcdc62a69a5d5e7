// numpy arrays whose memory comes from the arena: what every operation makes for its result.
#pragma once
#include <pybind11/pybind11.h>

namespace pydl {

// Adds empty, empty_like and, as a capsule for Cython, new_array to the module.
void add_array_functions(pybind11::module_& module);

}  // namespace pydl
