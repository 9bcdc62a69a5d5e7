// Gradients of convolutions with stride, and convolutions whose rows are no whole vectors.
//
// In a frame (conv2d/frame.h) with a plane for each column tap, as wide as the outputs, the pixels that a tap
// meets lie one behind another over all rows, so that tiles read whole vectors there wherever rows end. That
// copies an image once for each column tap; gathering patches would do it once for each tap.
//
// The outputs may be of several phases (conv2d/phase.h): those of the gradient of a convolution with stride,
// each a convolution of stride 1 with some of the taps. They share the frame, and their rows are zipped when
// they are written.
//
//   for each task: some rows of an image or some images, a group, some of its features     (in parallel)
//     for each block of channels
//       copies what it reads into the frame
//       for each phase of rows, for each panel of weights
//         for each phase of columns, for each panel of pixels: one tile
//         writes the rows, unless tiles were stored in y
#pragma once

#include "conv2d/flat_row.h"
#include "conv2d/flat_weights.h"
#include "conv2d/frame_task.h"
#include "conv2d/plan.h"

namespace pydl::PYDL_ISA {

template <typename T>
class FlatProduct {
    static constexpr int64_t W = width<T>;

  public:
    // conv.rows and conv.columns are not read, conv.y is all of it.
    FlatProduct(const Correlation<T>& conv, const AxisPhases& rows, const AxisPhases& columns)
        : conv_(conv),
          rows_(rows),
          columns_(columns),
          taps_(rows.taps_before(rows.count) * columns.taps_before(columns.count)),
          depths_(conv.channels, channels_of_block()),
          stripes_(columns.axis.outputs, most_lanes()),
          blocks_(rows_of_task(rows.axis.outputs, stripes_.size, most_lanes())),
          reach_((rows.axis.taps - 1) * rows.axis.dilation / rows.axis.stride),
          images_(conv.x.shape[0], images_of_task()),
          weights_(conv, rows, columns),
          panels_(weights_.panels),
          chunks_(panels_.count, panels_of_chunk()),
          layout_(rows.axis, columns.axis, images_.size * (blocks_.size + reach_) - reach_, stripes_.size,
                  true) {}

    void run() const {
        const int64_t work =
            lanes(images_.size, blocks_.size) * panels_.size * chunks_.size * conv_.channels * taps_;
        parallel_for(tasks() * chunks_.count, 1 + GemmBlocks<T>::thread_work / (work + 1),
                     [&](int64_t begin, int64_t end) { run_tasks(begin, end); });
    }

  private:
    static int64_t at_least_1(int64_t n) { return n < 1 ? 1 : n; }
    // As many as keep their part of a panel of weights in the first-level cache. Phases have short sums.
    int64_t channels_of_block() const {
        return rows_.count * columns_.count > 1 ? conv_.channels
                                                : at_least_1(2 * GemmBlocks<T>::sum_depth / taps_);
    }
    // As many pixels as keep the frame in the second-level cache, fewer for want of tasks.
    int64_t most_lanes() const {
        const int64_t planes = depths_.size * columns_.axis.taps *
                               (rows_.axis.stride < rows_.axis.taps ? rows_.axis.stride : rows_.axis.taps);
        const int64_t fit = GemmBlocks<T>::group_bytes / int64_t(sizeof(T)) / (planes + 1);
        const int64_t pixels = conv_.x.shape[0] * conv_.groups * rows_.axis.outputs * columns_.axis.outputs;
        const int64_t cap = depths_.count * rows_.count * columns_.count == 1 ? 4096 : 1024;
        int64_t most = pixels / tasks_wanted();
        if (fit < most) most = fit;
        if (most > cap) most = cap;
        return most < 8 * W ? 8 * W : most;
    }
    // Blocks of rows, of no more than `most` pixels, that waste few lanes of vectors.
    static Parts rows_of_task(int64_t rows, int64_t columns, int64_t most) {
        const int64_t limit = at_least_1(most / columns);
        Parts best(rows, limit);
        if (best.count == 1) return best;
        int64_t least = 0;
        for (int64_t size = limit; size >= (limit + 1) / 2; size--) {
            const int64_t vectors =
                rows / size * whole_vectors<T>(size * columns) + whole_vectors<T>(rows % size * columns);
            if (size == limit || vectors < least) best.size = size, least = vectors;
        }
        best.count = (rows - 1) / best.size + 1;
        return best;
    }
    // Several images lie one behind another with rows in between that are no outputs, one alone may end
    // within a vector.
    int64_t images_of_task() const {
        const int64_t rows = blocks_.size, columns = stripes_.size;
        if (blocks_.count * stripes_.count > 1 ||
            whole_vectors<T>(rows * columns) <= (rows + reach_) * columns)
            return 1;
        return at_least_1(most_lanes() / (rows * columns));
    }
    int64_t tasks() const { return images_.count * blocks_.count * stripes_.count * conv_.groups; }
    int64_t panels_of_chunk() const {
        const int64_t chunks = (tasks_wanted() - 1) / tasks() + 1;
        const int64_t size = (panels_.count - 1) / chunks + 1;
        return size < 4 ? 4 : size;
    }
    // Pixels of the flat frame from the first to the last output: rows between images are none.
    int64_t lanes(int64_t images, int64_t rows) const {
        return (images * (blocks_.size + reach_) - blocks_.size - reach_ + rows) * stripes_.size;
    }

    void run_tasks(int64_t begin, int64_t end) const {
        const int64_t pitch = whole_vectors<T>(lanes(images_.size, blocks_.size));
        // Later blocks of channels are added to the tiles of all panels.
        const int64_t kept = depths_.count > 1 ? panels_.size * pitch : 0;
        const Scratch<T> frame(depths_.size * layout_.channel() + layout_.pitch() + 2 * W),
            tiles((kept > 0 ? chunks_.size : columns_.count) * panels_.size * pitch + W);
        const Scratch<const T*> steps(depths_.size * taps_);
        const T** step = steps.data();
        for_each_step(rows_, columns_, depths_.size, [&](int64_t c, int64_t, int64_t, int64_t u, int64_t v) {
            *step++ = frame.data() + c * layout_.channel() + layout_.taps()[u * columns_.axis.taps + v];
        });
        int64_t filled = -1;
        for (int64_t t = begin; t < end; t++) {
            const FrameTask task = frame_task(t / chunks_.count, conv_, images_, blocks_, rows_.axis.outputs,
                                              stripes_, columns_.axis.outputs);
            const int64_t chunk = t % chunks_.count, first = chunks_.begin(chunk);
            for (int64_t block = 0; block < depths_.count; block++) {
                if (kept > 0 || t / chunks_.count != filled) fill(frame.data(), task, block);
                for (int64_t p = 0; p < chunks_.length(chunk, panels_.count); p++)
                    multiply(task, first + p, block, steps.data(), tiles.data() + p * kept, pitch);
            }
            filled = t / chunks_.count;
        }
    }

    // In the order of the frame, so that what is written beyond a row is overwritten by the next.
    void fill(T* frame, const FrameTask& task, int64_t block) const {
        const Planes &rows = layout_.rows(), &columns = layout_.columns();
        const int64_t pitch = layout_.pitch(), first = task.group * conv_.channels + depths_.begin(block);
        for (int64_t c = 0; c < depths_.length(block, conv_.channels); c++)
            for (int64_t pu = 0; pu < rows.count(); pu++)
                for (int64_t pv = 0; pv < columns.count(); pv++, frame += rows.length() * pitch) {
                    const FlatRow row(pitch, columns.axis().source, columns.source(pv, task.column),
                                      columns.axis().stride, conv_.x.stride[3]);
                    const int64_t top = rows.source(pu, task.row), step = rows.axis().stride,
                                  height = rows.axis().source;
                    for (int64_t image = 0; image < task.images; image++) {
                        T* to = frame + image * (blocks_.size + reach_) * pitch;
                        // Other planes may reach further: then no row before this one ends there.
                        for (int64_t k = 0; k < row.begin; k += W) store(to + k, vec<T>{});
                        const T* x = conv_.x.at(task.image + image, first + c);
                        row.copy_rows(to, pitch, rows.length(task.rows), x, conv_.x.stride[2], top, step,
                                      height);
                    }
                }
    }

    // Whether tiles can be stored in y.
    bool is_direct(const FrameTask& task) const {
        return rows_.count * columns_.count == 1 && task.images == 1 && stripes_.count == 1 &&
               conv_.y.stride[3] == 1 && (task.rows == 1 || conv_.y.stride[2] == stripes_.size);
    }

    // Adds up one block of channels.
    void multiply(const FrameTask& task, int64_t panel, int64_t block, const T* const* step, T* tiles,
                  int64_t pitch) const {
        const int64_t m = task.group * conv_.features + panels_.begin(panel);
        const int64_t count = panels_.length(panel, conv_.features), own = lanes(task.images, task.rows);
        const bool direct = is_direct(task);
        const Parts pixels((own + W - 1) / W, most_tile_vectors<T>);
        const T* w = weights_.panel(task.group, panel);
        for (int64_t pu = 0; pu < rows_.count; pu++) {
            for (int64_t pv = 0; pv < columns_.count; pv++) {
                const int64_t taps = rows_.phase[pu].count * columns_.phase[pv].count;
                T* to = direct ? conv_.y.at(task.image, m) + task.row * conv_.y.stride[2]
                               : tiles + pv * count * pitch;
                for (int64_t q = 0; q < pixels.count; q++) {
                    const int64_t lane = pixels.begin(q) * W, vectors = pixels.length(q, (own + W - 1) / W);
                    TilePixels<T> where = {nullptr, step, {}};
                    for (int64_t v = 0; v < vectors; v++) where.offset[v] = lane + v * W;
                    const int64_t left = direct && own - lane < vectors * W ? own - lane : vectors * W;
                    conv_tile<T>(true, int(count), int(vectors))(
                        depths_.length(block, conv_.channels) * taps, w + depths_.begin(block) * taps * count,
                        where, block == 0 ? weights_.bias(task.group, panel) : nullptr, to + lane,
                        direct ? conv_.y.stride[1] : pitch, left, block > 0);
                }
                w += conv_.channels * taps * count;
                step += depths_.size * taps;
            }
            if (!direct && block == depths_.count - 1)
                for (int64_t r = 0; r < count; r++)
                    for (int64_t k = 0; k < task.images; k++)
                        write(task, pu, conv_.y.at(task.image + k, m + r),
                              tiles + r * pitch + k * (blocks_.size + reach_) * stripes_.size, count * pitch);
        }
    }

    // The rows of one phase of one channel of an image. plane: from one phase of columns to the next.
    void write(const FrameTask& task, int64_t pu, T* y, const T* tile, int64_t plane) const {
        const int64_t* stride = conv_.y.stride;
        const int64_t phases = columns_.count, begin = task.column * phases;
        const int64_t past = begin + task.columns * phases < conv_.y.shape[3] ? begin + task.columns * phases
                                                                              : conv_.y.shape[3];
        for (int64_t i = 0; i < task.rows; i++, tile += stripes_.size) {
            const int64_t h = pu + (task.row + i) * rows_.count;
            if (h >= conv_.y.shape[2]) return;
            T* to = y + h * stride[2] + begin * stride[3];
            if (stride[3] == 1 && phases == 1)
                copy_row(to, tile, past - begin);
            else if (stride[3] == 1 && phases == 2)
                zip_rows(to, tile, tile + plane, past - begin);
            else if (stride[3] == 1 && phases == 3)
                zip_three_rows(to, tile, tile + plane, tile + 2 * plane, past - begin);
            else if (stride[3] == 1 && phases == 4)
                zip_four_rows(to, tile, plane, past - begin);
            else
                for (int64_t p = 0; p < phases; p++) {
                    const T* from = tile + p * plane;
                    for (int64_t x = p; x < past - begin; x += phases) to[x * stride[3]] = *from++;
                }
        }
    }
    // Number by number, but in the order of memory.
    static void zip_three_rows(T* __restrict to, const T* a, const T* b, const T* c, int64_t count) {
        for (; count > 2; count -= 3, to += 3) to[0] = *a++, to[1] = *b++, to[2] = *c++;
        if (count > 0) to[0] = *a;
        if (count > 1) to[1] = *b;
    }
    static void zip_four_rows(T* to, const T* row, int64_t plane, int64_t count) {
        for (int64_t k = 0; k < count; k += 4 * W, row += W) {
            const vec<T> a = load(row), b = load(row + plane), c = load(row + 2 * plane),
                         d = load(row + 3 * plane);
            const vec<T> even[2] = {zip_low(a, c), zip_high(a, c)}, odd[2] = {zip_low(b, d), zip_high(b, d)};
#pragma GCC unroll 2
            for (int half = 0; half < 2; half++) {
                const int64_t at = k + 2 * half * W;
                store_partial(to + at, zip_low(even[half], odd[half]), count - at);
                store_partial(to + at + W, zip_high(even[half], odd[half]), count - at - W);
            }
        }
    }
    // to = a[0], b[0], a[1], b[1], ...; reads whole vectors.
    static void zip_rows(T* to, const T* a, const T* b, int64_t count) {
        for (int64_t k = 0; k < count; k += 2 * W, a += W, b += W) {
            const vec<T> even = load(a), odd = load(b);
            store_partial(to + k, zip_low(even, odd), count - k);
            store_partial(to + k + W, zip_high(even, odd), count - k - W);
        }
    }

    const Correlation<T>& conv_;
    const AxisPhases &rows_, &columns_;
    int64_t taps_;
    Parts depths_;  // blocks of channels
    Parts stripes_, blocks_;
    int64_t reach_;
    RowPanels images_;
    const FlatWeights<T> weights_;
    const Parts& panels_;
    Parts chunks_;
    FrameLayout layout_;
};

}  // namespace pydl::PYDL_ISA
