// Kernel calls in a row, unpacked once and run again and again without Python: see pydl/recording/replay.py.
#pragma once
#include <pybind11/pybind11.h>

namespace pydl {

// Adds the type Recording(calls) to the module; calls: a list of (kernel, arguments).
void add_recording_type(pybind11::module_& module);

}  // namespace pydl
