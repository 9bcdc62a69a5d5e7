// A convolution with dilated taps as several without, each of every d-th row and column.
#pragma once

#include "conv2d/winograd_tiles.h"

namespace pydl::PYDL_ISA {

// The outputs `first`, first + dilation, ... of an axis as those of a convolution without dilation, whose
// source begins at element `skipped` and has every dilation-th.
struct DilationPhase {
    Axis axis;
    int64_t skipped;

    DilationPhase(const Axis& whole, int64_t first) {
        const int64_t d = whole.dilation, place = first + whole.origin;
        skipped = (place % d + d) % d;
        axis = {(whole.source - skipped + d - 1) / d,
                (whole.outputs - first + d - 1) / d,
                whole.taps,
                1,
                1,
                (place - skipped) / d};
        if (axis.source < 0) axis.source = 0;
    }
};

template <typename Line, typename T>
void correlate_winograd(const Correlation<T>& conv, uint8_t* suspects = nullptr) {
    const WinogradFilters<T, Line> filters(conv);
    const int64_t row_step = conv.rows.dilation, column_step = conv.columns.dilation;
    for (int64_t i = 0; i < row_step && i < conv.rows.outputs; i++)
        for (int64_t j = 0; j < column_step && j < conv.columns.outputs; j++) {
            const DilationPhase row(conv.rows, i), column(conv.columns, j);
            Correlation<T> phase = conv;
            phase.rows = row.axis, phase.columns = column.axis;
            phase.x.data += row.skipped * conv.x.stride[2] + column.skipped * conv.x.stride[3];
            phase.y.data += i * conv.y.stride[2] + j * conv.y.stride[3];
            phase.x.stride[2] *= row_step, phase.x.stride[3] *= column_step;
            phase.y.stride[2] *= row_step, phase.y.stride[3] *= column_step;
            phase.x.shape[2] = row.axis.source, phase.x.shape[3] = column.axis.source;
            phase.y.shape[2] = row.axis.outputs, phase.y.shape[3] = column.axis.outputs;
            correlate_tiles(phase, filters, [&](int64_t n) {
                if (suspects != nullptr)
                    suspects[n] = 1;
                else
                    correlate_image(phase, n);
            });
        }
}

}  // namespace pydl::PYDL_ISA
