#include "dispatch.h"

#include <cstring>

// The linker's names for the two ends of the section that kernel_table.h fills.
#ifdef __APPLE__
extern const pydl::Kernel* const table_begin[] __asm("section$start$__DATA$pydl_kernels");
extern const pydl::Kernel* const table_end[] __asm("section$end$__DATA$pydl_kernels");
#else
extern "C" {
__attribute__((visibility("hidden"))) extern const pydl::Kernel* const __start_pydl_kernels[];
__attribute__((visibility("hidden"))) extern const pydl::Kernel* const __stop_pydl_kernels[];
}
static const pydl::Kernel* const* const table_begin = __start_pydl_kernels;
static const pydl::Kernel* const* const table_end = __stop_pydl_kernels;
#endif

namespace pydl {
namespace {

bool processor_runs([[maybe_unused]] const char* isa) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (std::strcmp(isa, "avx512") == 0)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("fma");
    if (std::strcmp(isa, "avx2") == 0) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return true;  // sse2 and neon are the baselines of their architectures
}

}  // namespace

std::vector<const Kernel*> kernels_of(const std::string& isa) {
    std::vector<const Kernel*> found;
    for (auto entry = table_begin; entry != table_end; ++entry)
        if (isa == (*entry)->isa) found.push_back(*entry);
    return found;
}

const std::vector<std::string>& runnable_isas() {
    static const std::vector<std::string> runnable = [] {
        std::vector<std::string> isas;
        for (const char* isa : {"avx512", "avx2", "sse2", "neon", "generic"})
            if (!kernels_of(isa).empty() && processor_runs(isa)) isas.push_back(isa);
        return isas;
    }();
    return runnable;
}

}  // namespace pydl
