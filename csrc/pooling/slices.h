// Pooling of volumes in two passes: first all slices, as planes of their own, for which there are fast
// kernels, and then what came of those down the windows' slices. Slices in two windows are pooled once.
#pragma once
#include "pooling/lanes.h"

namespace pydl::PYDL_ISA {

// For float32, as the kernels of slices are.
template <typename T>
inline constexpr bool has_slices = has_special_kernels && std::is_same_v<T, float>;

// The windows on a slice.
inline PoolWindows windows_of_slices(const PoolWindows& w) {
    return {no_axis(), w.rows, w.columns};
}

// The slices of volumes, which lie evenly, as planes.
template <typename T>
Array<const T, 5> slices_of(const Array<const T, 5>& x) {
    return {x.data,
            {1, x.shape[0] * x.shape[1] * x.shape[2], 1, x.shape[3], x.shape[4]},
            {0, x.stride[2], 0, x.stride[3], x.stride[4]}};
}

// Whether the windows are of several slices, all of which they see, and x has them evenly.
// `fast`: whether there are fast kernels for slices.
template <typename T>
bool suits_slices(const Array<const T, 5>& x, const PoolWindows& w, bool fast) {
    const bool even = x.shape[0] * x.shape[1] == 1 || plane_step(x) == x.shape[2] * x.stride[2];
    return fast && w.depth.kernel > 1 && w.depth.stride <= w.depth.kernel && has_even_planes(x) && even &&
           x.stride[4] == 1 && !see_padding_alone(w);
}

// f(number of slice z of volume n among all, n, z), in parallel.
template <typename F>
void for_slices(int64_t volumes, int64_t depth, int64_t work, const F& f) {
    parallel_for(volumes * depth, row_grain(work), [&](int64_t begin, int64_t end) {
        for (int64_t slice = begin; slice < end; ++slice) f(slice, slice / depth, slice % depth);
    });
}

}  // namespace pydl::PYDL_ISA
