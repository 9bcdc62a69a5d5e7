#include "fail.h"

#include <stdexcept>

namespace pydl {

void fail(const char* message) {
    throw std::invalid_argument(message);
}

}  // namespace pydl
