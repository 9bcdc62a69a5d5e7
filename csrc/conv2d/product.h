// A convolution as a matrix product whose right factor, the image patches, exists one panel at a time:
//
//     y[n, m, (i, j)] = bias[m] + sum over (c, u, v) of  w[m, (c, u, v)] * patch[(c, u, v), (n, i, j)]
//
// The lanes of a tile (gemm/microkernel.h) are output pixels, so images are read and written as they are,
// channel by channel. The pixels of the whole batch are one long row of columns: a panel may end one image
// and begin the next.
//
//   for each task: some panels of columns                      (in parallel)
//     for each block of (c, u) pairs
//       copies what it reads of the images into frames, unless it can be read in place
//       gathers the patches of its columns into panels
//       for each panel, for each panel of weights: one tile
//
// Where the pixels of a panel's vectors are neighbours in the image, too, and few features would use what is
// gathered, tiles read them there.
#pragma once

#include "conv2d/gather.h"
#include "conv2d/plan.h"

namespace pydl::PYDL_ISA {

// A task: the columns [begin, end) of one group.
template <typename T>
class ProductTask {
    static constexpr int64_t W = width<T>, NR = most_tile_vectors<T> * W;
    // Panels of weights that are too few for gathering.
    static constexpr int64_t few_row_panels = 8;

  public:
    ProductTask(const Correlation<T>& conv, const PackedWeights<T>& weights, const Plan<T>& plan,
                int64_t group, int64_t row_group, int64_t begin, int64_t end)
        : conv_(conv),
          weights_(weights),
          plan_(plan),
          group_(group),
          row_begin_(plan.row_groups.begin(row_group)),
          row_end_(row_begin_ + plan.row_groups.length(row_group, weights.rows.count)),
          begin_(begin),
          end_(end),
          panels_((end - begin + W - 1) / W, most_tile_vectors<T>),
          layout_(conv.rows, conv.columns, plan.image_rows),
          runs_(end - begin + 1),
          first_run_(panels_.count + 1),
          panel_(panels_.count),
          taps_(weights.most_depth()),
          frame_(plan.in_place ? 0 : plan.segments * segment() + NR),
          patches_(panels_.count * NR * weights.most_depth() + NR),
          m_begin_(weights.rows.begin(row_begin_)),
          m_end_(row_end_ < weights.rows.count ? weights.rows.begin(row_end_) : conv.features),
          tiles_(scattered_panels() * (m_end_ - m_begin_) * NR) {}

    void run() {
        list_runs();
        const Parts groups(row_end_ - row_begin_, 1 + GemmBlocks<T>::group_rows / weights_.rows.size);
        for (int64_t block = 0; block < weights_.blocks.count; block++) {
            if (!plan_.in_place) fill_frames(block);
            list_taps(block);
            for (int64_t p = 0; p < panels_.count;)
                p = is_placed(p) ? p + 1 : is_whole(p) ? gather_row(p, block) : gather(p, block);
            if (weights_.depth(block) <= 160) {
                // Short sums store much: rows of y are written from end to end, which memory likes.
                for (int64_t r = row_begin_; r < row_end_; r++)
                    for (int64_t p = 0; p < panels_.count; p++) multiply(p, r, block);
                continue;
            }
            for (int64_t g = 0; g < groups.count; g++)
                for (int64_t p = 0; p < panels_.count; p++)
                    for (int64_t r = groups.begin(g);
                         r < groups.begin(g) + groups.length(g, row_end_ - row_begin_); r++)
                        multiply(p, row_begin_ + r, block);
        }
        for (int64_t p = 0; p < panels_.count; p++)
            if (!panel_[p].direct) scatter(p);
    }

  private:
    struct PixelPanel {
        TilePixels<T> pixels;
        T* target;  // of its first column and feature 0 of the group
        int64_t feature_stride;
        bool direct;  // target is in y
    };

    int64_t first_column(int64_t panel) const { return begin_ + panels_.begin(panel) * W; }
    int64_t columns_of(int64_t panel) const {
        const int64_t left = end_ - first_column(panel), whole = panels_.rows(panel) * W;
        return left < whole ? left : whole;
    }
    // Elements of one image's frame.
    int64_t segment() const { return most_channels() * layout_.channel(); }
    int64_t most_channels() const {
        const int64_t U = conv_.rows.taps;
        if (U == 0) return 0;
        const int64_t touched = (weights_.blocks.size - 1) / U + 2;
        return touched < conv_.channels ? touched : conv_.channels;
    }
    // Whether the columns of a panel are neighbours in y as well, so that tiles can be stored there.
    bool is_direct(int64_t panel) const {
        const int64_t first = first_column(panel), last = first + columns_of(panel) - 1;
        if (conv_.y.stride[3] != 1) return false;
        return plan_.flat ? first / plan_.pixels == last / plan_.pixels
                          : first / conv_.columns.outputs == last / conv_.columns.outputs;
    }
    // Whether the numbers of one image follow each other wherever they are read and written.
    bool single_column() const {
        return conv_.columns.outputs == 1 &&
               (plan_.in_place ? conv_.rows.stride == 1 && conv_.x.stride[2] == 1 : layout_.pitch() == 1);
    }
    // From one number of a run to the next in y.
    int64_t step() const { return single_column() ? conv_.y.stride[2] : conv_.y.stride[3]; }
    int64_t scattered_panels() const {
        int64_t count = 0;
        for (int64_t p = 0; p < panels_.count; p++) count += !is_direct(p);
        return count;
    }

    void list_runs() {
        const int64_t I = conv_.rows.outputs, J = conv_.columns.outputs;
        const Images<T>& y = conv_.y;
        const Images<const T>& x = conv_.x;
        const int64_t first_row = begin_ / J, first_image = first_row / I;
        int64_t count = 0;
        for (int64_t p = 0; p < panels_.count; p++) {
            first_run_[p] = count;
            for (int64_t lane = 0; lane < columns_of(p);) {
                const int64_t column = first_column(p) + lane, row = column / J;
                const int64_t n = row / I, i = row % I, j = column % J;
                // Of images of one column, rows are neighbours.
                int64_t length = single_column() ? I - i : J - j;
                if (length > columns_of(p) - lane) length = columns_of(p) - lane;
                const int64_t top = n == first_image ? first_row % I : 0;
                const int64_t source = plan_.in_place
                                           ? (x.at(n, 0) - x.data) +
                                                 (i * conv_.rows.stride + conv_.rows.origin) * x.stride[2] +
                                                 j + conv_.columns.origin
                                           : (n - first_image) * segment() + (i - top) * layout_.pitch() + j;
                const int64_t target = (y.at(n, 0) - y.data) + i * y.stride[2] + j * y.stride[3];
                Run* last = count > first_run_[p] ? &runs_[count - 1] : nullptr;
                if (last != nullptr && last->source + last->length == source &&
                    last->target + last->length * step() == target)
                    last->length += length;
                else
                    runs_[count++] = {lane, length, source, target};
                lane += length;
            }
        }
        first_run_[panels_.count] = count;
        T* tile = tiles_.data();
        for (int64_t p = 0; p < panels_.count; p++) {
            place(p);
            panel_[p].direct = is_direct(p);
            if (panel_[p].direct) {
                panel_[p].target =
                    y.data + group_ * conv_.features * y.stride[1] + runs_[first_run_[p]].target;
                panel_[p].feature_stride = y.stride[1];
            } else {
                panel_[p].target = tile - m_begin_ * NR;
                panel_[p].feature_stride = NR;
                tile += (m_end_ - m_begin_) * NR;
            }
        }
    }
    // Notes where the pixels of a panel are: in place if every vector lies in one run, else in the panel that
    // they are gathered into.
    void place(int64_t panel) const {
        TilePixels<T>& pixels = panel_[panel].pixels;
        pixels = {patches_.data() + panel * NR * weights_.most_depth(), nullptr, {}};
        if (row_end_ - row_begin_ > few_row_panels) return;
        const int64_t columns = columns_of(panel), end = first_run_[panel + 1];
        int64_t r = first_run_[panel];
        for (int64_t lane = 0; lane < columns; lane += W) {
            while (r + 1 < end && runs_[r + 1].lane <= lane) r++;
            const int64_t left = columns - lane < W ? columns - lane : W;
            if (runs_[r].lane + runs_[r].length < lane + left) return;
            pixels.offset[lane / W] = runs_[r].source + lane - runs_[r].lane;
            // A frame may be read beyond the run, x only where it does not end there.
            if (plan_.in_place && left < W && pixels.offset[lane / W] + W > plan_.readable - plan_.last_tap)
                return;
        }
        pixels.step = taps_.data();
    }
    bool is_placed(int64_t panel) const { return panel_[panel].pixels.step != nullptr; }

    void fill_frames(int64_t block) {
        const int64_t I = conv_.rows.outputs, J = conv_.columns.outputs, U = conv_.rows.taps;
        if (U == 0) return;
        const int64_t first_row = begin_ / J, last_row = (end_ - 1) / J, first_image = first_row / I;
        const int64_t unit = weights_.blocks.begin(block), units = weights_.units(block);
        const int64_t channel = unit / U, channels = (unit + units - 1) / U - channel + 1;
        for (int64_t n = first_image; n <= last_row / I; n++) {
            const int64_t top = n == first_image ? first_row % I : 0;
            const int64_t bottom = n == last_row / I ? last_row % I : I - 1;
            layout_.fill(frame_.data() + (n - first_image) * segment(), conv_.x, n,
                         group_ * conv_.channels + channel, channels, top, bottom - top + 1,
                         channels <= filled_channels_);
        }
        if (channels > filled_channels_) filled_channels_ = channels;
    }

    // Where tap (0, 0) of output (0, 0) would be moved for each step of a block.
    void list_taps(int64_t block) {
        const int64_t U = conv_.rows.taps, V = conv_.columns.taps;
        const int64_t unit = weights_.blocks.begin(block), units = weights_.units(block);
        const T** tap = taps_.data();
        for (int64_t c = unit / U, u = unit % U, k = 0; k < units; c++, u = 0) {
            const T* channel = plan_.in_place ? conv_.x.at(0, group_ * conv_.channels + c)
                                              : frame_.data() + (c - unit / U) * layout_.channel();
            for (; u < U && k < units; u++, k++)
                for (int64_t v = 0; v < V; v++)
                    *tap++ = channel + (plan_.in_place ? u * conv_.rows.dilation * conv_.x.stride[2] +
                                                             v * conv_.columns.dilation
                                                       : layout_.taps()[u * V + v]);
        }
    }

    // The patches of a panel's columns, for one block of k. Returns the next panel.
    int64_t gather(int64_t panel, int64_t block) {
        const int64_t pitch = whole_vectors<T>(columns_of(panel)),
                      depth = weights_.units(block) * conv_.columns.taps;
        T* to = patches_.data() + panel * NR * weights_.most_depth();
        VectorCopy copies[NR];
        int64_t count = 0;
        bool exact = false;
        for (int64_t r = first_run_[panel]; r < first_run_[panel + 1]; r++)
            for (int64_t l = 0; l < runs_[r].length; l += width<T>) {
                const int64_t left = runs_[r].length - l;
                copies[count++] = {runs_[r].lane + l, runs_[r].source + l, left};
                // A frame may be read beyond the run, x only where it does not end there.
                exact = exact || (plan_.in_place && left < width<T> &&
                                  runs_[r].source + l + width<T> > plan_.readable - plan_.last_tap);
            }
        (exact ? copy_steps<true, T> : copy_steps<false, T>)(to, pitch, taps_.data(), depth, copies, count);
        return panel + 1;
    }

    // Whether a panel's columns are neighbours in the image.
    bool is_whole(int64_t panel) const {
        return first_run_[panel + 1] == first_run_[panel] + 1 && runs_[first_run_[panel]].length == NR;
    }
    // The same for all whole panels from this one on that continue each other: step by step, since memory is
    // quicker to read in long rows.
    int64_t gather_row(int64_t panel, int64_t block) {
        const int64_t source = runs_[first_run_[panel]].source, size = NR * weights_.most_depth();
        int64_t end = panel + 1;
        while (end < panels_.count && !is_placed(end) && is_whole(end) &&
               runs_[first_run_[end]].source == source + (end - panel) * NR)
            end++;
        const int64_t depth = weights_.units(block) * conv_.columns.taps;
        T* to = patches_.data() + panel * size;
        for (int64_t k = 0; k < depth; k++) {
            const T* from = taps_[k] + source;
            for (int64_t p = 0; p < end - panel; p++, from += NR)
#pragma GCC unroll 4
                for (int v = 0; v < most_tile_vectors<T>; v++)
                    store(to + p * size + k * NR + v * width<T>, load(from + v * width<T>));
        }
        return end;
    }

    void multiply(int64_t panel, int64_t row_panel, int64_t block) {
        const PixelPanel& to = panel_[panel];
        const int64_t m = weights_.rows.begin(row_panel), columns = columns_of(panel);
        const int64_t rows = weights_.rows.length(row_panel, conv_.features);
        const T* bias = block == 0 ? weights_.bias(group_, row_panel) : nullptr;
        conv_tile<T>(is_placed(panel), int(rows), int((columns + W - 1) / W))(
            weights_.depth(block), weights_.panel(group_, row_panel, block), to.pixels, bias,
            to.target + m * to.feature_stride, to.feature_stride, columns, block > 0);
    }

    void scatter(int64_t panel) {
        for (int64_t m = m_begin_; m < m_end_; m++) {
            const T* from = panel_[panel].target + m * NR;
            T* to = conv_.y.data + (group_ * conv_.features + m) * conv_.y.stride[1];
            for (int64_t r = first_run_[panel]; r < first_run_[panel + 1]; r++) {
                const Run run = runs_[r];
                if (step() == 1)
                    for (int64_t l = 0; l < run.length; l += width<T>)
                        store_partial(to + run.target + l, load_partial(from + run.lane + l, run.length - l),
                                      run.length - l);
                else
                    for (int64_t l = 0; l < run.length; l++) to[run.target + l * step()] = from[run.lane + l];
            }
        }
    }

    const Correlation<T>& conv_;
    const PackedWeights<T>& weights_;
    const Plan<T>& plan_;
    int64_t group_, row_begin_, row_end_, begin_, end_;
    RowPanels panels_;             // in vectors of columns
    int64_t filled_channels_ = 0;  // whose frames have their zeros
    FrameLayout layout_;
    Scratch<Run> runs_;
    Scratch<int64_t> first_run_;
    Scratch<PixelPanel> panel_;
    Scratch<const T*> taps_;
    Scratch<T> frame_, patches_;
    int64_t m_begin_, m_end_;
    Scratch<T> tiles_;
};

template <typename T>
void correlate_product(const Correlation<T>& conv) {
    const PackedWeights<T> weights(conv);
    const Plan<T> plan(conv, weights);
    const int64_t work =
        width<T> * (weights.rows.size * plan.row_groups.size + 4) * conv.channels * conv.taps();
    // Threads share vectors of columns, because tasks would be too few to share evenly.
    parallel_for(conv.groups * plan.row_groups.count * plan.vectors,
                 1 + GemmBlocks<T>::thread_work / (work + 1), [&](int64_t first, int64_t last) {
                     while (first < last) {
                         const int64_t sweep = first / plan.vectors, from = first % plan.vectors;
                         const int64_t left = last - first, whole = plan.vectors - from;
                         const int64_t vectors = left < whole ? left : whole;
                         const Parts tasks(vectors, plan.task_vectors, most_tile_vectors<T>);
                         for (int64_t t = 0; t < tasks.count; t++) {
                             const int64_t begin = (from + tasks.begin(t)) * width<T>,
                                           end = begin + tasks.length(t, vectors) * width<T>;
                             ProductTask<T>(conv, weights, plan, sweep / plan.row_groups.count,
                                            sweep % plan.row_groups.count, begin,
                                            end < plan.columns ? end : plan.columns)
                                 .run();
                         }
                         first += vectors;
                     }
                 });
}

}  // namespace pydl::PYDL_ISA
