// Convolutions with stride, and their gradients, by tiles whose lanes are output channels.
//
// Where pixels are lanes, those that a tap meets have to be copied side by side first (conv2d/frame.h): every
// second or third of a row, into short rows where maps are small. Here a tile reads one number of each of its
// pixels, wherever they are, and a vector of weights for all of them, so that images are copied as they lie,
// with the zeros around them:
//
//     y[pixel, o] = b[o] + sum over (c, u, v) of  frame[place of pixel + step (c, u, v)] * w[(c, u, v), o]
//
// Pixels under which the same taps meet the image share tiles, and are spared those that meet the zeros
// around it, where that pays and all weights are finite.
//
// In exchange the results have to be turned. Those of the phases of a gradient (conv2d/phase.h) are zipped on
// the way: the pixels of all phases of columns lie side by side before they are turned.
//
//   for each task: some rows of an image or some images, a group, some of its features     (in parallel)
//     for each block of channels
//       copies what it reads into the frame
//       for each panel of weights, for each phase, for each tile of pixels: its sums
//     turns them into y
#pragma once

#include "conv2d/axis_phases.h"
#include "conv2d/dense_frame.h"
#include "conv2d/frame_task.h"
#include "conv2d/framed_tile.h"
#include "conv2d/output_sets.h"
#include "conv2d/plan.h"
#include "elementwise/turned_copy.h"

namespace pydl::PYDL_ISA {

template <typename T>
class FramedFeatures {
    static constexpr int64_t W = width<T>;

  public:
    // conv.rows and conv.columns are not read, conv.y is all of it.
    FramedFeatures(const Correlation<T>& conv, const AxisPhases& rows, const AxisPhases& columns)
        : conv_(conv),
          rows_(rows),
          columns_(columns),
          taps_(rows.taps_before(rows.count) * columns.taps_before(columns.count)),
          depths_(conv.channels, at_least_1(2 * GemmBlocks<T>::sum_depth * phases() / taps_)),
          vectors_(whole_vectors<T>(conv.features) / W, most_tile_vectors<T>),
          cut_(best_cut()),
          blocks_(blocks_of(cut_.pixels)),
          images_(images_of(cut_.pixels, blocks_)),
          chunks_(vectors_.count, (vectors_.count - 1) / cut_.chunks + 1),
          frame_(rows.axis, columns.axis, blocks_.size),
          all_(rows, columns, conv.y.shape[2], conv.y.shape[3], false),
          spared_(rows, columns, conv.y.shape[2], conv.y.shape[3], true),
          packed_(conv.groups * lanes() * conv.channels * taps_),
          bias_(conv.groups * lanes()) {}

    void run() {
        const int64_t panels = conv_.groups * vectors_.count, depth = conv_.channels * taps_;
        // Clearly less to do.
        const int64_t step = framed_tile_step<T>(int(vectors_.size));
        bool spares = spared_.share(images_.size, step) < 0.95;
        parallel_for(panels, 1 + 32768 / (depth * W * vectors_.size + 1), [&](int64_t begin, int64_t end) {
            for (int64_t p = begin; p < end; p++) {
                pack(p / vectors_.count, p % vectors_.count);
                if (__atomic_load_n(&spares, __ATOMIC_RELAXED) &&
                    !is_finite(p / vectors_.count, p % vectors_.count))
                    __atomic_store_n(&spares, false, __ATOMIC_RELAXED);
            }
        });
        sets_ = spares ? &spared_ : &all_;
        const int64_t work = images_.size * blocks_.size * columns_.axis.outputs * (depth + 4 * phases()) *
                             vectors_.size * W * chunks_.size;
        parallel_for(images_.count * blocks_.count * conv_.groups * chunks_.count,
                     1 + GemmBlocks<T>::thread_work / work,
                     [&](int64_t begin, int64_t end) { run_tasks(begin, end); });
    }

  private:
    static int64_t at_least_1(int64_t n) { return n < 1 ? 1 : n; }
    int64_t phases() const { return rows_.count * columns_.count; }
    int64_t lanes() const { return whole_vectors<T>(conv_.features); }
    // Of a task no more than so many pixels, and a share of the panels.
    struct Cut {
        int64_t pixels, chunks;
    };
    Parts blocks_of(int64_t pixels) const {
        return {rows_.axis.outputs, at_least_1(pixels / columns_.axis.outputs)};
    }
    RowPanels images_of(int64_t pixels, const Parts& blocks) const {
        return {conv_.x.shape[0],
                blocks.count > 1 ? 1 : at_least_1(pixels / (blocks.size * columns_.axis.outputs))};
    }
    // So that the thread with the most to do has the least. Pixels are as many as keep frame and sums in the
    // second-level cache, or fewer; but each task reads all weights of its panels, which takes as long as
    // some pixels do, and each chunk of panels has to fill the frame.
    [[gnu::noinline]] Cut best_cut() const {
        // Strides may be of billions.
        const double per_pixel =
            double(depths_.size) * double(rows_.axis.stride) * double(columns_.axis.stride) +
            double(conv_.features * phases());
        const int64_t near = int64_t(double(GemmBlocks<T>::group_bytes / int64_t(sizeof(T))) / per_pixel),
                      all = conv_.x.shape[0] * rows_.axis.outputs * columns_.axis.outputs;
        const int64_t fit = near < all ? near : all, threads = num_threads();
        Cut best = {};
        int64_t least = 0;
        for (int64_t parts = 1; parts <= 2 * threads; parts++) {
            const int64_t share = (fit - 1) / parts + 1, pixels = share < 56 ? 56 : share;
            const Parts blocks = blocks_of(pixels);
            const RowPanels images = images_of(pixels, blocks);
            const int64_t tasks = images.count * blocks.count * conv_.groups,
                          own = images.size * blocks.size * columns_.axis.outputs;
            for (int64_t chunks = 1; chunks <= vectors_.count && chunks <= 2 * threads; chunks++) {
                const int64_t panels = (vectors_.count - 1) / chunks + 1,
                              of_thread = (tasks * ((vectors_.count - 1) / panels + 1) - 1) / threads + 1;
                const int64_t cost = of_thread * (own + 16) * (5 * panels + 1);
                if (least == 0 || cost < least - least / 64) best = {pixels, chunks}, least = cost;
            }
        }
        return best;
    }
    // Of a panel's weights.
    bool is_finite(int64_t group, int64_t panel) const {
        const T* w = packed(group, panel);
        vec<T> sum{};
        for (int64_t k = 0; k < panel_vectors(panel) * W * conv_.channels * taps_; k += W)
            sum += load(w + k) - load(w + k);
        return !any(sum != vec<T>{});
    }
    int64_t pixels(const FrameTask& task) const { return task.images * task.rows * columns_.axis.outputs; }
    int64_t image_size() const { return depths_.size * frame_.channel(); }

    int64_t first_feature(int64_t panel) const { return vectors_.begin(panel) * W; }
    int64_t panel_vectors(int64_t panel) const { return vectors_.rows(panel); }
    int64_t count_features(int64_t panel) const {
        const int64_t left = conv_.features - first_feature(panel), most = panel_vectors(panel) * W;
        return left < most ? left : most;
    }

    // A panel has its phases one behind another, and of each the steps (c, u, v).
    T* packed(int64_t group, int64_t panel) const {
        return packed_.data() + (group * lanes() + first_feature(panel)) * conv_.channels * taps_;
    }
    void pack(int64_t group, int64_t panel) const {
        const int64_t count = count_features(panel), pitch = panel_vectors(panel) * W;
        const int64_t m = first_feature(panel), V = columns_.taps_before(columns_.count);
        const int64_t* stride = conv_.w_stride;
        const T* w = conv_.weights(group, m);
        T* to = packed(group, panel);
        T* bias = bias_.data() + group * lanes() + m;
        for (int64_t l = 0; l < pitch; l++)
            bias[l] = conv_.bias != nullptr && l < count
                          ? conv_.bias[(group * conv_.features + m + l) * conv_.bias_stride]
                          : T(0);
        const auto lies = [&](int64_t way) {
            return (stride[3] == way || V == 1) && stride[2] == way * V && rows_.have_all_taps &&
                   columns_.have_all_taps;
        };
        const bool back = lies(-1), in_runs = lies(1) || back;  // those of a gradient without stride
        const int64_t last = back ? taps_ - 1 : 0;
        if (in_runs && !back && phases() == 1 && stride[1] == taps_)
            return pack_panel(to, pitch, count, w, stride[0], int64_t(1), conv_.channels * taps_);
        // Filters that lie in one run each are turned as a whole, then their taps are dealt to the phases.
        const Scratch<T> turned(in_runs ? taps_ * pitch : 0);
        for (int64_t c = 0; c < conv_.channels; c++, w += stride[1]) {
            if (stride[0] == taps_) expect_filters(w - last, stride[1], taps_ * count);
            if (in_runs) pack_panel(turned.data(), pitch, count, w - last, stride[0], int64_t(1), taps_);
            T* phase = to;
            for_each_phase(
                rows_, columns_, [&](int64_t, int64_t, const PhaseTaps& row, const PhaseTaps& column) {
                    T* at = phase + c * row.count * column.count * pitch;
                    for (int64_t u = row.filter, left = row.count; left > 0; left--, u += row.step)
                        for (int64_t v = column.filter, k = 0; k < column.count;
                             k++, v += column.step, at += pitch)
                            if (in_runs)
                                copy_row(at, turned.data() + (back ? last - u * V - v : u * V + v) * pitch,
                                         pitch);
                            else
                                pack_panel(at, pitch, count, w + u * stride[2] + v * stride[3], stride[0],
                                           int64_t(1), int64_t(1));
                    phase += conv_.channels * row.count * column.count * pitch;
                });
        }
    }

    void run_tasks(int64_t begin, int64_t end) const {
        const int64_t most = images_.size * blocks_.size * columns_.axis.outputs;
        const int64_t size = most * phases() * vectors_.size * W;  // of a panel's sums
        // Later blocks of channels are added to the sums of all panels.
        const int64_t kept = depths_.count > 1 ? size : 0;
        const Scratch<T> frame(images_.size * image_size() + frame_.slack<T>()),
            sums(kept > 0 ? kept * chunks_.size : size);
        int64_t taps = 0;
        for (const OutputSet& set : *sets_) taps += set.taps();
        const Scratch<const T*> pixel(most * phases() + 3);
        const Scratch<int64_t> order(most * phases()), past(sets_->count());
        const Scratch<FramedStep> steps(depths_.size * taps);
        list_steps(steps.data());
        const Parts line(columns_.axis.outputs, columns_.axis.outputs);
        const TaskPixels own = {pixel.data(), order.data(), past.data()};
        int64_t filled = -1;
        FrameTask placed = {};
        for (int64_t t = begin; t < end; t++) {
            const FrameTask task = frame_task(t / chunks_.count, conv_, images_, blocks_, rows_.axis.outputs,
                                              line, columns_.axis.outputs);
            const int64_t first = chunks_.begin(t % chunks_.count),
                          panels = chunks_.length(t % chunks_.count, vectors_.count);
            if (task.images != placed.images || task.row != placed.row || task.rows != placed.rows)
                place(own, frame.data(), task);
            placed = task;
            for (int64_t block = 0; block < depths_.count; block++) {
                if (kept > 0 || t / chunks_.count != filled) fill(frame.data(), task, block);
                for (int64_t p = 0; p < panels; p++) {
                    T* to = sums.data() + p * kept;
                    multiply(task, first + p, block, own, steps.data(), to);
                    if (block == depths_.count - 1) write(task, first + p, to);
                }
            }
            filled = t / chunks_.count;
        }
    }

    // For each set of outputs the steps of its taps, channel by channel.
    void list_steps(FramedStep* to) const {
        for (const OutputSet& set : *sets_) {
            const PhaseTaps &row = rows_.phase[set.row_phase], &column = columns_.phase[set.column_phase];
            for (int64_t c = 0; c < depths_.size; c++)
                for (int64_t u = set.rows.first_tap; u < set.rows.last_tap; u++)
                    for (int64_t v = set.columns.first_tap; v < set.columns.last_tap; v++)
                        *to++ = {int32_t(c * frame_.channel() +
                                         (row.first + u) * rows_.axis.dilation * frame_.pitch +
                                         (column.first + v) * columns_.axis.dilation),
                                 int32_t((c * row.count + u) * column.count + v)};
        }
    }

    // Where a task's pixels are, set by set, which of them each is, and where sets end.
    struct TaskPixels {
        const T** pixel;
        int64_t *order, *past;
    };
    // Behind them the last one again, for tiles that have more rows.
    void place(const TaskPixels& own, const T* frame, const FrameTask& task) const {
        const int64_t J = columns_.axis.outputs;
        int64_t count = 0, *past = own.past;
        for (const OutputSet& set : *sets_) {
            const int64_t top = set.rows.begin - task.row, end = set.rows.end - task.row;
            for (int64_t n = 0; n < task.images; n++)
                for (int64_t i = top > 0 ? top : 0; i < end && i < task.rows; i++)
                    for (int64_t j = set.columns.begin; j < set.columns.end; j++, count++) {
                        own.pixel[count] = frame + n * image_size() + i * rows_.axis.stride * frame_.pitch +
                                           j * columns_.axis.stride;
                        own.order[count] = (n * task.rows + i) * J + j;
                    }
            *past++ = count;
        }
        for (int k = 0; k < 3; k++) own.pixel[count + k] = count > 0 ? own.pixel[count - 1] : frame;
    }
    void fill(T* frame, const FrameTask& task, int64_t block) const {
        for (int64_t n = 0; n < task.images; n++)
            frame_.fill(frame + n * image_size(), conv_.x, task.image + n,
                        task.group * conv_.channels + depths_.begin(block),
                        depths_.length(block, conv_.channels), task.row, task.rows);
    }

    // The sums of the phases of rows lie one behind another; in those of one, a pixel's phases of columns lie
    // side by side.
    void multiply(const FrameTask& task, int64_t panel, int64_t block, const TaskPixels& own,
                  const FramedStep* step, T* sums) const {
        const int64_t vectors = panel_vectors(panel), pitch = vectors * W, count = pixels(task);
        const int64_t channels = depths_.length(block, conv_.channels), stride = columns_.count * pitch;
        const T *weights = packed(task.group, panel),
                *bias = bias_.data() + task.group * lanes() + first_feature(panel);
        int64_t begin = 0;
        const int64_t* past = own.past;
        for (const OutputSet& set : *sets_) {
            const int64_t all = rows_.phase[set.row_phase].count * columns_.phase[set.column_phase].count,
                          before = columns_.taps_before(columns_.count) * rows_.taps_before(set.row_phase) +
                                   rows_.phase[set.row_phase].count * columns_.taps_before(set.column_phase);
            const T* w = weights + (conv_.channels * before + depths_.begin(block) * all) * pitch;
            T* to = sums + set.row_phase * count * stride + set.column_phase * pitch;
            const FramedSums<T> at = {to, stride, block == 0 ? bias : to, block == 0 ? 0 : -1};
            const int64_t size = *past - begin;
            const Parts tiles(size, most_framed_rows<T>(int(vectors)), framed_tile_step<T>(int(vectors)));
            for (int64_t t = 0; t < tiles.count && size > 0; t++) {
                const int64_t first = begin + tiles.begin(t), rows = tiles.length(t, size);
                framed_tile_of<T>(rows, vectors)(channels * set.taps(), own.pixel + first, step, w, at,
                                                 own.order + first, rows);
            }
            step += depths_.size * set.taps();
            begin = *past++;
        }
    }

    void write(const FrameTask& task, int64_t panel, const T* sums) const {
        const int64_t pitch = panel_vectors(panel) * W,
                      m = task.group * conv_.features + first_feature(panel);
        const int64_t length = columns_.axis.outputs * columns_.count, *stride = conv_.y.stride;
        const bool flat = rows_.count == 1 && length == conv_.y.shape[3] && stride[2] == length;
        const int64_t lines = flat ? 1 : task.rows, line = flat ? task.rows * length : length;
        const int64_t exist = flat || line < conv_.y.shape[3] ? line : conv_.y.shape[3];
        for (int64_t pu = 0; pu < rows_.count; pu++)
            for (int64_t n = 0; n < task.images; n++)
                for (int64_t i = 0; i < lines; i++, sums += line * pitch) {
                    const int64_t h = pu + (task.row + i) * rows_.count;
                    if (h < conv_.y.shape[2])
                        turn(sums, pitch, conv_.y.at(task.image + n, m) + h * stride[2], stride[1],
                             count_features(panel), exist);
                }
    }

    const Correlation<T>& conv_;
    const AxisPhases &rows_, &columns_;
    int64_t taps_;       // of all phases
    Parts depths_;       // blocks of channels
    RowPanels vectors_;  // panels of features
    Cut cut_;
    Parts blocks_;  // of rows
    RowPanels images_;
    Parts chunks_;
    DenseFrame frame_;
    const OutputSets all_, spared_;     // of which those
    const OutputSets* sets_ = nullptr;  // are computed
    Scratch<T> packed_, bias_;
};

}  // namespace pydl::PYDL_ISA
