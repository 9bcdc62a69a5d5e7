// All tiles of a Winograd convolution (conv2d/winograd.h), and the images with results that are not finite.
#pragma once

#include "conv2d/winograd.h"

namespace pydl::PYDL_ISA {

// y by tiles; direct(n) computes image n instead.
template <typename Line, typename T, typename Direct>
void correlate_tiles(const Correlation<T>& conv, const WinogradFilters<T, Line>& filters,
                     const Direct& direct) {
    const WinogradPlan<T, Line> plan(conv, filters);
    const int64_t N = conv.x.shape[0], row_groups = plan.row_groups.count;
    const Scratch<uint8_t> suspects(N);
    for (int64_t n = 0; n < N; n++) suspects[n] = 0;
    const int64_t tasks = plan.task_count();
    parallel_for(conv.groups * tasks * row_groups, 1, [&](int64_t begin, int64_t end) {
        WinogradTask<T, Line> worker(conv, filters, plan, suspects.data());
        for (int64_t k = begin; k < end; k++)
            worker.run(k / row_groups / tasks, k / row_groups % tasks, k % row_groups);
    });
    for (int64_t n = 0; n < N; n++)
        if (suspects[n]) direct(n);
}

// Image n alone.
template <typename T>
Correlation<T> image_of(const Correlation<T>& conv, int64_t n) {
    Correlation<T> image = conv;
    image.x.data = conv.x.at(n, 0), image.y.data = conv.y.at(n, 0);
    image.x.slices = image.y.slices = image.x.shape[0] = image.y.shape[0] = 1;
    return image;
}

// Image n of a convolution by the direct method.
template <typename T>
void correlate_image(const Correlation<T>& conv, int64_t n) {
    correlate_product(image_of(conv, n));
}

}  // namespace pydl::PYDL_ISA
