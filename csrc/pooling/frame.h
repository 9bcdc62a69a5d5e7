// Copies of what pooling reads, laid out so that all windows are neighbours.
//
// A frame has its rows sorted into phases along both axes (pooling/pooling.h) and its padding written out.
// Rows follow each other without alignment, `pitch` elements apart, and one slice follows another, so element
// (i, j) of all windows of all slices in a frame is one long run at a fixed offset. Kernels pass over such
// runs with whole vectors however small the planes are; what they compute between rows is dropped.
#pragma once
#include "pooling/pooling.h"

namespace pydl::PYDL_ISA {

// How `items` slices of `rows` rows, each `pitch` long, are cut into blocks: bands of a large slice, or some
// small slices at once. A frame holds `reach` more rows of a slice than its block.
struct PoolBlocks {
    int64_t items, rows, run, bands, slices, count;

    PoolBlocks(int64_t items, int64_t rows, int64_t reach, int64_t pitch, int64_t phases)
        : items(items), rows(rows) {
        // The phases and as much again for results stay in the first-level cache.
        const int64_t positions = 8192 / (phases + 2), least_blocks = 16;
        run = rows;
        if (rows * pitch > positions) run = pitch < positions ? positions / pitch : 1;
        bands = (rows + run - 1) / run;
        const int64_t fit = positions / ((run + reach) * pitch), shared = (items - 1) / least_blocks + 1;
        slices = bands > 1 || fit < 1 ? 1 : at_most(fit, shared);
        count = (items + slices - 1) / slices * bands;
    }
    int64_t first_item(int64_t block) const { return block / bands * slices; }
    int64_t items_of(int64_t block) const { return at_most(slices, items - first_item(block)); }
    int64_t first_row(int64_t block) const { return block % bands * run; }
    int64_t rows_of(int64_t block) const { return at_most(run, rows - first_row(block)); }
};

// Whether frames of these windows are of a sensible size. Strides, dilations and kernels far larger than
// those of any network are left to simple loops.
inline bool frame_fits(const PoolWindows& w) {
    if (w.elements() > 1024 || w.depth.stride > 64 || w.rows.stride > 64 || w.columns.stride > 64)
        return false;
    const double phases = double(w.depth.kernel) * double(w.rows.stride) * double(w.columns.stride);
    const double pitch = double(w.columns.size + 2 * w.columns.padding) + double(w.columns.reach());
    return phases * pitch * double(w.rows.reach() + 1) < 4e6;
}

// Where rows lie in a frame: row r of slice s of a phase at (s * rows + r) * pitch.
struct FrameShape {
    int64_t slices, rows, pitch;

    int64_t phase() const { return slices * rows * pitch; }
    int64_t row(int64_t s, int64_t r) const { return (s * rows + r) * pitch; }
    // Positions from the first to the last output of `s` slices, `r` rows and `columns` columns.
    int64_t positions(int64_t s, int64_t r, int64_t columns) const { return row(s - 1, r - 1) + columns; }
};

// The elements of the windows of a block: a phase for each depth tap, row phase and column phase.
template <typename T>
class InputFrame {
  public:
    InputFrame(const PoolWindows& windows, const PoolBlocks& blocks, T padding)
        : windows_(windows),
          padding_(padding),
          shape_{blocks.slices, blocks.run + windows.rows.reach(),
                 windows.columns.out + windows.columns.reach()},
          frame_(size() + 3 * width<T>) {
        // What lies left and right of the input is the same in all rows and stays.
        fill_row(frame_.data(), size() + 3 * width<T>, padding);
    }
    const FrameShape& shape() const { return shape_; }
    const T* data() const { return frame_.data(); }
    int64_t size() const { return phases() * shape_.phase(); }
    // Where element (k, i, j) of the first window is.
    int64_t offset(int64_t k, int64_t i, int64_t j) const {
        const PoolAxis &rows = windows_.rows, &columns = windows_.columns;
        const int64_t phase = (k * rows.stride + rows.phase(i)) * columns.stride + columns.phase(j);
        return phase * shape_.phase() + rows.place(i) * shape_.pitch + columns.place(j);
    }
    // The same where what was combined along the rows is one phase for each depth tap and row phase.
    int64_t line_offset(int64_t k, int64_t i) const {
        const PoolAxis& rows = windows_.rows;
        return (k * rows.stride + rows.phase(i)) * shape_.phase() + rows.place(i) * shape_.pitch;
    }

    // Slice `slot` of the frame: what `count` rows of windows from row p of output slice z on see of volume
    // x.
    [[gnu::noinline]] void fill(int64_t slot, const T* x, const int64_t (&stride)[5], int64_t z, int64_t p,
                                int64_t count) {
        const PoolAxis &depth = windows_.depth, &rows = windows_.rows, &columns = windows_.columns;
        const int64_t used = at_most(columns.size, shape_.pitch * columns.stride - columns.padding);
        const int64_t length = count + rows.reach();
        for (int64_t k = 0; k < depth.kernel; ++k) {
            const int64_t d = depth.start(z) + k * depth.dilation;
            for (int64_t a = 0; a < rows.stride; ++a) {
                T* to = frame_.data() + (k * rows.stride + a) * columns.stride * shape_.phase() +
                        shape_.row(slot, 0);
                // Rows [first, last) of the phase are rows of the input, from h on.
                const int64_t top = rows.start(p) + a;
                int64_t first = top < 0 ? (rows.stride - 1 - top) / rows.stride : 0;
                int64_t last = rows.size > top ? (rows.size - 1 - top) / rows.stride + 1 : 0;
                last = d < 0 || d >= depth.size ? 0 : at_most(last, length);
                if (first > last) first = last;
                pad_rows(to, first);
                pad_rows(to + last * shape_.pitch, length - last);
                const int64_t h = top + first * rows.stride;
                if (first < last)
                    split_rows(x + d * stride[2] + h * stride[3], rows.stride * stride[3], stride[4],
                               last - first, used, columns.padding, columns.stride, to + first * shape_.pitch,
                               shape_.pitch, shape_.phase());
            }
        }
    }

  private:
    int64_t phases() const { return windows_.depth.kernel * windows_.rows.stride * windows_.columns.stride; }

    void pad_rows(T* to, int64_t count) {
        if (count > 0)
            for (int64_t b = 0; b < windows_.columns.stride; ++b)
                fill_row(to + b * shape_.phase(), count * shape_.pitch, padding_);
    }

    const PoolWindows& windows_;
    T padding_;
    FrameShape shape_;
    Scratch<T> frame_;
};

// The input of the block after the one that a kernel works on. It is asked for while there is nothing to wait
// for: a frame is filled in one go, and would wait for memory all the time.
template <typename T>
class NextBlock {
  public:
    NextBlock() : from_(nullptr), lines_(0) {}
    NextBlock(const Array<const T, 5>& x, const PoolWindows& w, const PoolBlocks& blocks, int64_t block)
        : lines_(is_far(x) ? w.rows.stride * w.columns.stride : 0) {
        const int64_t item = block < blocks.count ? blocks.first_item(block) : 0;
        const int64_t row = block < blocks.count ? w.rows.start(blocks.first_row(block)) : 0;
        from_ = volume_of(x, item / w.depth.out) + w.depth.start(item % w.depth.out) * x.stride[2] +
                row * x.stride[3];
    }
    // Its share while windows at, at + 1, ... are compared.
    PYDL_INLINE void ask(int64_t at) const {
        for (int64_t k = 0; k < lines_; ++k) prefetch(from_ + at * lines_ + k * width<T>);
    }

  private:
    const T* from_;
    int64_t lines_;
};

// The other way round, for gradients: the windows' numbers lie `pitch` apart with `reach` places before each
// row and slice, and every phase of the input collects from them. Position P of an axis is padded element
// P * stride + phase; element j of window P - place(j) is there, if its phase is that one.
struct WindowPlaces {
    int64_t rows, columns;  // positions of the input's rows and columns

    explicit WindowPlaces(const PoolWindows& w)
        : rows((w.rows.size - 1 + w.rows.padding) / w.rows.stride + 1),
          columns((w.columns.size - 1 + w.columns.padding) / w.columns.stride + 1) {}
};

inline FrameShape window_frame(const PoolWindows& w, const PoolBlocks& blocks) {
    return {blocks.slices, blocks.run + w.rows.reach(), WindowPlaces(w).columns + w.columns.reach()};
}

// f(slot, k, z): the windows of slice z have slice d of the input as their depth tap k. At most depth_slots.
inline int64_t depth_slots(const PoolAxis& depth) {
    int64_t most = 0;
    for (int64_t a = 0; a < depth.stride; ++a) {
        int64_t count = 0;
        for (int64_t k = 0; k < depth.kernel; ++k) count += depth.phase(k) == a;
        if (count > most) most = count;
    }
    return most;
}
template <typename F>
void for_depth_slots(const PoolAxis& depth, int64_t d, int64_t slots, const F& f) {
    int64_t slot = 0;
    for (int64_t k = 0; k < depth.kernel && slot < slots; ++k) {
        const int64_t place = d + depth.padding - k * depth.dilation;
        if (place < 0 || place % depth.stride != 0 || place / depth.stride >= depth.out) continue;
        f(slot++, k, place / depth.stride);
    }
    for (; slot < slots; ++slot) f(slot, -1, -1);
}

// The phases of a block become rows of dx.
template <typename T>
void merge_block(const PoolWindows& w, const FrameShape& shape, const T* phases, const PoolBlocks& blocks,
                 int64_t block, T* dx) {
    const PoolAxis &rows = w.rows, &columns = w.columns;
    const int64_t first = blocks.first_row(block), count = blocks.rows_of(block);
    int64_t top = first * rows.stride - rows.padding, bottom = top + count * rows.stride;
    if (top < 0) top = 0;
    if (bottom > rows.size) bottom = rows.size;
    for (int64_t s = 0; s < blocks.items_of(block); ++s) {
        T* out = dx + (blocks.first_item(block) + s) * rows.size * columns.size;
        int64_t place = (top + rows.padding) / rows.stride - first,
                phase = (top + rows.padding) % rows.stride;
        for (int64_t h = top; h < bottom; ++h) {
            merge_row(phases + phase * columns.stride * shape.phase() + shape.row(s, place), shape.phase(),
                      columns.size, columns.padding, columns.stride, out + h * columns.size);
            if (++phase == rows.stride) phase = 0, ++place;
        }
    }
}

}  // namespace pydl::PYDL_ISA
