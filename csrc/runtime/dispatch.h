// Which instruction sets this build has and this processor runs, and where each one's kernels are.
#pragma once
#include <string>
#include <vector>

#include "kernel_table.h"

namespace pydl {

// The variants that were compiled in and that this processor can run, best first.
const std::vector<std::string>& runnable_isas();

// The kernels of one variant; where it lacks one, or one's float64 form, that of the next variant below.
std::vector<Kernel> kernels_of(const std::string& isa);

}  // namespace pydl
