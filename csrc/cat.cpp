// cat: matrices beside each other as one. See pydl/ops/cat.py.
#include "elementwise/copy.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int64_t kLongRow = 1024;  // bytes of a row of x[n] that are worth a step of their own

bool are_many_long_rows(const NumbersList<const char>& x, int64_t rows, int64_t bytes) {
    for (int64_t n = 0; n < x.count; ++n)
        if (x.size(n) / rows * bytes < kLongRow) return false;
    return rows >= 64;  // enough for any number of threads
}

// Row by row, so that y is written from front to back.
void join_rows(const NumbersList<const char>& x, int64_t rows, const NdNumbers<char>& y) {
    const bool past_caches = y.size() * y.bytes >= kPastCaches;
    parallel_for(rows, kElementwiseGrain * rows / y.size() + 1, [&](int64_t begin, int64_t end) {
        char* to = y.data + y.size() / rows * y.bytes * begin;
        for (int64_t r = begin; r < end; ++r)
            for (int64_t n = 0; n < x.count; ++n) {
                const int64_t bytes = x.size(n) / rows * y.bytes;
                const char* from = x.data(n) + r * bytes;
                past_caches ? store_past_caches(to, from, bytes) : copy_bytes(from, to, bytes);
                to += bytes;
            }
        if (past_caches) finish_past_caches();
    });
}

}  // namespace

// `rows`: of x[n] and of y, which has the rows of all x[n] one behind another.
inline void cat_forward(NumbersList<const char> x, int64_t rows, NdNumbers<char> y) {
    const char* mismatch =
        "cat_forward: all arrays must be matrices of as many rows without gaps, of y as long as of x "
        "together";
    require(rows > 0 && y.contiguous() && y.size() % rows == 0, mismatch);
    const int64_t columns = y.size() / rows;
    int64_t before = 0;
    for (int64_t n = 0; n < x.count; before += x.size(n++) / rows)
        require(x.size(n) % rows == 0 && x.size(n) / rows <= columns - before, mismatch);
    require(before == columns, mismatch);
    if (are_many_long_rows(x, rows, y.bytes)) return join_rows(x, rows, y);
    before = 0;
    for (int64_t n = 0; n < x.count; ++n) {
        const int64_t own = x.size(n) / rows, shape[] = {rows, own}, from[] = {own, 1}, to[] = {columns, 1};
        elementwise_copy(mismatch, {{{2, shape, to}, y.data + before * y.bytes}, y.bytes},
                         {{{2, shape, from}, x.data(n)}, y.bytes});
        before += own;
    }
}
PYDL_KERNEL_OF_NUMBERS(cat_forward, "x, rows, y")

}  // namespace pydl::PYDL_ISA
