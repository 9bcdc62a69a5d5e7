// How a kernel refuses its arguments: throws std::invalid_argument, which Python sees as ValueError.
#pragma once

namespace pydl {

[[noreturn]] void fail(const char* message);

}  // namespace pydl
