// cat: matrices beside each other as one. See pydl/ops/cat.py.
#include "elementwise/copy.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

// `rows`: of x[n] and of y, which has the rows of all x[n] one behind another.
inline void cat_forward(NumbersList<const char> x, int64_t rows, NdNumbers<char> y) {
    const char* mismatch =
        "cat_forward: all arrays must be matrices of as many rows without gaps, of y as long as of x "
        "together";
    require(rows > 0 && y.contiguous() && y.size() % rows == 0, mismatch);
    const int64_t columns = y.size() / rows;
    int64_t before = 0;
    for (int64_t n = 0; n < x.count; ++n) {
        const int64_t own = x.size(n) / rows, shape[] = {rows, own}, from[] = {own, 1}, to[] = {columns, 1};
        require(x.size(n) % rows == 0 && own <= columns - before, mismatch);
        elementwise_copy(mismatch, {{{2, shape, to}, y.data + before * y.bytes}, y.bytes},
                         {{{2, shape, from}, x.data(n)}, y.bytes});
        before += own;
    }
    require(before == columns, mismatch);
}
PYDL_KERNEL_OF_NUMBERS(cat_forward, "x, rows, y")

}  // namespace pydl::PYDL_ISA
