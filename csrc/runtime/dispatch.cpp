#include "dispatch.h"

#include <cstring>

// The linker's names for the two ends of the section that kernel_table.h fills.
#ifdef __APPLE__
extern const pydl::Kernel table_begin[] __asm("section$start$__DATA$pydl_kernels");
extern const pydl::Kernel table_end[] __asm("section$end$__DATA$pydl_kernels");
#else
extern "C" {
__attribute__((visibility("hidden"))) extern const pydl::Kernel __start_pydl_kernels[];
__attribute__((visibility("hidden"))) extern const pydl::Kernel __stop_pydl_kernels[];
}
static const pydl::Kernel* const table_begin = __start_pydl_kernels;
static const pydl::Kernel* const table_end = __stop_pydl_kernels;
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

// From the best to the least.
constexpr const char* known_isas[] = {"avx512", "avx2", "sse2", "neon", "generic"};

bool is_built(const char* isa) {
    for (auto entry = table_begin; entry != table_end; ++entry)
        if (std::strcmp(isa, entry->isa) == 0) return true;
    return false;
}

// Adds what the kernels lack.
void add(std::vector<Kernel>& kernels, const Kernel& other) {
    for (Kernel& each : kernels)
        if (std::strcmp(each.signature, other.signature) == 0) {
            if (!each.float64) each.float64 = other.float64;
            return;
        }
    kernels.push_back(other);
}

}  // namespace

std::vector<Kernel> kernels_of(const std::string& isa) {
    std::vector<Kernel> found;
    bool reached = false;
    for (const char* each : known_isas) {
        reached |= isa == each;
        if (!reached || !processor_runs(each)) continue;
        for (auto entry = table_begin; entry != table_end; ++entry)
            if (std::strcmp(each, entry->isa) == 0) add(found, *entry);
    }
    return found;
}

const std::vector<std::string>& runnable_isas() {
    static const std::vector<std::string> runnable = [] {
        std::vector<std::string> isas;
        for (const char* isa : known_isas)
            if (is_built(isa) && processor_runs(isa)) isas.push_back(isa);
        return isas;
    }();
    return runnable;
}

}  // namespace pydl
