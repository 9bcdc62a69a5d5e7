// How the product that is a convolution (conv2d/product.h) is cut into tasks.
#pragma once

#include "conv2d/weights.h"

namespace pydl::PYDL_ISA {

// Neighbouring columns of a panel that are neighbours in the image and in y, such as pixels of one output
// row.
struct Run {
    int64_t lane, length;
    int64_t
        source;  // where tap (0, 0) of the first pixel is, relative to the frame, or to x when read in place
    int64_t target;  // where its output is, relative to feature 0 of y
};

// Threads share evenly if each has some tasks; one that is alone has the least to do if there is but one.
inline int64_t tasks_wanted() {
    return num_threads() > 1 ? 4 * num_threads() : 1;
}

// Whether vectors of pixels are found in x as they are needed: in rows of it, or in a column of a row's
// numbers.
template <typename T>
bool can_be_read_in_place(const Correlation<T>& conv) {
    return conv.x.stride[3] == 1 && conv.columns.stride == 1 &&
           (conv.rows.stride == 1 || conv.columns.outputs > 1) && !conv.rows.leaves_source() &&
           !conv.columns.leaves_source();
}

// How one convolution is cut into tasks.
template <typename T>
struct Plan {
    static constexpr int64_t NR = most_tile_vectors<T> * width<T>;
    int64_t pixels, columns;        // output pixels of an image, of the batch
    int64_t image_rows, segments;   // output rows of one image and images that a task touches at most
    bool in_place;                  // x is read without frames
    int64_t last_tap, readable;     // then: the place of the last tap after the first, elements of x
    bool flat;                      // an image's output plane is contiguous
    int64_t vectors, task_vectors;  // of columns; how many a task has at most
    Parts row_groups;               // along the panels of weights, where there are few columns

    Plan(const Correlation<T>& conv, const PackedWeights<T>& weights)
        : pixels(conv.rows.outputs * conv.columns.outputs),
          columns(conv.x.shape[0] * pixels),
          in_place(can_be_read_in_place(conv)),
          last_tap(conv.x.at(0, conv.channels * conv.groups - 1) - conv.x.data +
                   (conv.rows.taps - 1) * conv.rows.dilation * conv.x.stride[2] +
                   (conv.columns.taps - 1) * conv.columns.dilation),
          readable(elements_from_first_to_last(conv.x)),
          flat(conv.y.stride[3] == 1 && (conv.rows.outputs == 1 || conv.y.stride[2] == conv.columns.outputs)),
          vectors((columns - 1) / width<T> + 1),
          task_vectors(vectors_of_task(weights)),
          row_groups(weights.rows.count, panels_of_group(conv, weights)) {
        const int64_t J = conv.columns.outputs,
                      most = (vectors < task_vectors ? vectors : task_vectors) * width<T>;
        const int64_t touched = (most - 1) / J + 2;  // a run of columns may begin and end inside a row
        image_rows = touched < conv.rows.outputs ? touched : conv.rows.outputs;
        segments = (most - 1) / pixels + 2;
        if (segments > conv.x.shape[0]) segments = conv.x.shape[0];
    }

  private:
    // Where the first is not at the lowest address: so few that no vector may be read beyond a run.
    static int64_t elements_from_first_to_last(const Images<const T>& x) {
        constexpr int64_t none = INT64_MIN / 4;
        if (x.slice_stride < 0 || x.tap_stride < 0) return none;
        for (int d = 0; d < 4; d++)
            if (x.stride[d] < 0) return none;
        return x.at(x.shape[0] - 1, x.shape[1] - 1) - x.data + (x.shape[2] - 1) * x.stride[2] +
               (x.shape[3] - 1) * x.stride[3] + 1;
    }
    // Groups of weight panels that may be tasks of their own: patches are gathered anew for each, so that
    // only many features are worth dividing.
    static int64_t most_groups(const PackedWeights<T>& weights) {
        const int64_t least = 128 / most_tile_rows<T>(most_tile_vectors<T>);
        return weights.rows.count < 2 * least ? 1 : weights.rows.count / least;
    }
    // As many as stay in the second-level cache.
    static int64_t vectors_of_task(const PackedWeights<T>& weights) {
        const int64_t fits = (int64_t(256) << 10) / (NR * int64_t(sizeof(T)) * (weights.most_depth() + 1));
        return (fits < 1 ? 1 : fits > 32 ? 32 : fits) * most_tile_vectors<T>;
    }
    int64_t panels_of_group(const Correlation<T>& conv, const PackedWeights<T>& weights) const {
        int64_t groups = tasks_wanted() * most_tile_vectors<T> / (vectors * conv.groups);
        if (groups > most_groups(weights)) groups = most_groups(weights);
        return groups > 1 ? (weights.rows.count - 1) / groups + 1 : weights.rows.count;
    }
};

}  // namespace pydl::PYDL_ISA
