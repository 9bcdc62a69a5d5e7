// How a convolution that copies parts of images into frames (conv2d/flat.h, conv2d/framed_features.h) is cut
// into tasks.
#pragma once

#include "conv2d/weights.h"

namespace pydl::PYDL_ISA {

// Outputs of one group: of some images, or of one image some rows, or of these some columns.
struct FrameTask {
    int64_t image, images, row, rows, column, columns, group;
};

// Task number `task` of the images, rows and columns in these parts.
template <typename T>
FrameTask frame_task(int64_t task, const Correlation<T>& conv, const RowPanels& images, const Parts& rows,
                     int64_t all_rows, const Parts& columns, int64_t all_columns) {
    const auto next = [&](int64_t count) {
        const int64_t part = task % count;
        task /= count;
        return part;
    };
    const int64_t column = next(columns.count), row = next(rows.count), group = next(conv.groups);
    return {images.begin(task),
            images.rows(task),
            rows.begin(row),
            rows.length(row, all_rows),
            columns.begin(column),
            columns.length(column, all_columns),
            group};
}

}  // namespace pydl::PYDL_ISA
