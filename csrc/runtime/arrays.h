// numpy arrays whose memory comes from the arena: what every operation makes for its result.
#pragma once
#include <Python.h>

namespace pydl {

// Adds empty, empty_like and, as a capsule for Cython, new_array to the module; false with an exception set.
bool add_array_functions(PyObject* module);

}  // namespace pydl
