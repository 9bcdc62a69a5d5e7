// The gradient with respect to the input as products that are added where their taps point (conv2d/shares.h):
//
//     dx[n, c, i * stride + u * dilation - top, ...] += share[(c, u, v), (n, i, j)]
//
// A tile of shares is added to a frame (conv2d/frame.h) while it is in the first-level cache. A task owns the
// frames it adds to, and adds to them in an order that depends on the sizes only.
//
//   for each task: some images, a group, some of its channels     (in parallel)
//     for each panel of output pixels, for each panel of taps: one tile, added to the frame
//     the frame becomes dx
#pragma once

#include "conv2d/shares.h"

namespace pydl::PYDL_ISA {

// A row of a plane: `numbers` holds those from `begin` to `end`, the others are zero.
template <typename T>
struct PlaneRow {
    const T* numbers;
    int64_t begin, end;
    PYDL_INLINE T operator[](int64_t k) const { return k >= begin && k < end ? numbers[k] : T(0); }
};

// to[k * step + r] = start + row[r][k] for all places below count.
template <typename T, int step>
PYDL_INLINE void merge_planes(T* to, int64_t count, const PlaneRow<T> (&row)[2], T start) {
    constexpr int64_t W = width<T>;
    // Where all planes have numbers, or none at all, whole vectors of each are taken.
    int64_t begin = 0, end = count / step;
    for (int r = 0; r < step; r++) {
        if (row[r].numbers == nullptr) continue;
        if (row[r].begin > begin) begin = row[r].begin;
        if (row[r].end < end) end = row[r].end;
    }
    if (end < begin) end = begin;
    for (int64_t k = begin; k < end; k += W) {
        const int64_t left = end - k;
        vec<T> part[step];
        for (int r = 0; r < step; r++)
            part[r] = (row[r].numbers != nullptr ? load_partial(row[r].numbers + k, left) : vec<T>{}) + start;
        if constexpr (step == 1) {
            store_partial(to + k, part[0], left);
        } else {
            store_partial(to + 2 * k, zip_low(part[0], part[1]), 2 * left);
            store_partial(to + 2 * k + W, zip_high(part[0], part[1]), 2 * left - W);
        }
    }
    for (int64_t at = 0; at < count; at++) {
        if (at == begin * step && end > begin) at = end * step;
        if (at < count) to[at] = row[at % step][at / step] + start;
    }
}

template <typename T>
class ScatteredGradient : GradientShares<T> {
    using Shares = GradientShares<T>;
    using Shares::bias_, Shares::bias_stride_, Shares::dx_, Shares::s_, Shares::NR;
    using typename Shares::Task;

  public:
    ScatteredGradient(const Array<const T, 4>& dy, const Array<const T, 4>& w, const T* bias,
                      int64_t bias_stride, const Array<T, 4>& dx, const Conv2dShape& s)
        : Shares(dy, w, bias, bias_stride, dx, s, 256), layout_(s.rows, s.columns, s.I) {}

    void run() const {
        // The frames stay in the second-level cache.
        const Parts chunks = this->chunks(65536 / (this->images_.size * layout_.channel()), 4, true);
        this->run_tasks(
            chunks, [&](const Task& task, int64_t tile) { pack_tile(task, tile); },
            [&](const Task& task) { add_shares(task); });
    }

  private:
    // The rows of a task are (v, u, c), the channel running fastest: neighbouring rows are added to different
    // frames, so that an addition never waits for the one before.
    struct Tap {
        int64_t c, u, v;
    };
    Tap tap_of(const Task& task, int64_t row) const {
        return {row % task.channels, row / task.channels % s_.U, row / task.channels / s_.U};
    }

    void pack_tile(const Task& task, int64_t tile) const {
        const int64_t count = task.tiles.length(tile, task.rows);
        for (int64_t r = 0; r < count; r++) {
            const Tap tap = tap_of(task, task.tiles.begin(tile) + r);
            this->pack_row(this->panel(task, tile) + r, count, task, tap.c, tap.u, tap.v);
        }
    }

    // Pixels of one output row that are neighbours in a panel.
    struct Run {
        int64_t lane, length, place;  // place: of tap (0, 0) in channel 0 of the frame
    };

    void add_shares(const Task& task) const {
        const int64_t segment = task.channels * layout_.channel(), columns = task.images * s_.I * s_.J;
        const Scratch<T> frame(task.images * segment), panel(this->features_ * NR),
            tile(2 * tile_rows<T> * NR);
        const Scratch<int64_t> place(task.rows);
        // Rows that lie one behind another in the frame are one: images of one column.
        const int64_t line = layout_.pitch() == s_.J ? s_.I * s_.J : s_.J;
        for (int64_t r = 0; r < task.rows; r++) {
            const Tap tap = tap_of(task, r);
            place[r] = tap.c * layout_.channel() + layout_.taps()[tap.u * s_.V + tap.v];
        }
        for (int64_t k = 0; k < task.images * segment; k++) frame[k] = T(0);
        for (int64_t column = 0; column < columns; column += NR) {
            const int64_t lanes = columns - column < NR ? columns - column : NR;
            Run runs[NR];
            int64_t run_count = 0;
            for (int64_t lane = 0; lane < lanes; run_count++) {
                const int64_t row = (column + lane) / s_.J, j = (column + lane) % s_.J, n = row / s_.I;
                const int64_t left = line - (column + lane) % line,
                              length = left < lanes - lane ? left : lanes - lane;
                runs[run_count] = {lane, length, n * segment + row % s_.I * layout_.pitch() + j};
                lane += length;
            }
            const Panel<T> pixels = this->pixels_of(task, panel.data(), column, lanes);
            // A tile is added after the next one is computed: read at once, part by part, its numbers would
            // still be on their way to the cache.
            const auto tile_of = [&](int64_t t) { return tile.data() + t % 2 * tile_rows<T> * NR; };
            for (int64_t t = 0; t <= task.tiles.count; t++) {
                if (t < task.tiles.count) this->tile_of_shares(task, t, pixels, lanes, tile_of(t), NR);
                if (t > 0)
                    for (int64_t r = 0; r < run_count; r++)
                        add_run(frame.data(), &place[task.tiles.begin(t - 1)],
                                task.tiles.length(t - 1, task.rows), tile_of(t - 1), runs[r]);
            }
        }
        for (int64_t n = 0; n < task.images; n++) {
            const T* from = frame.data() + n * segment;
            if (planes_merge()) {
                merge(task.image + n, task.channel, task.channels, from);
                continue;
            }
            for (int64_t c = 0; c < task.channels; c++)
                write(task.image + n, task.channel + c, from + c * layout_.channel());
        }
    }

    // Adds one run of every row of a tile. Row by row would be slower: runs of one row lie close together in
    // the frame, and a masked load waits for a masked store whose vector it overlaps.
    static void add_run(T* frame, const int64_t* place, int64_t rows, const T* tile, Run run) {
        for (int64_t l = 0; l < run.length; l += width<T>) {
            const int64_t left = run.length - l;
            for (int64_t r = 0; r < rows; r++) {
                T* to = frame + place[r] + run.place + l;
                const T* from = tile + r * NR + run.lane + l;
                store_partial(to, load_partial(to, left) + load_partial(from, left), left);
            }
        }
    }

    // dx of one channel: the sum of what the planes of its frame hold for each pixel.
    void write(int64_t n, int64_t c, const T* frame) const {
        const Planes &rows = layout_.rows(), &columns = layout_.columns();
        const int64_t* stride = dx_.stride;
        const T start = bias_ != nullptr ? bias_[c * bias_stride_] : T(0);
        T* image = &dx_(n, c, 0, 0);
        if (s_.W == 1 && columns.length() == 1 && columns.count() == 1 && columns.source(0, 0) == 0) {
            // Images of one column: its numbers are a row.
            for (int64_t h = 0; h < s_.H; h++) image[h * stride[2]] = start;
            for (int64_t pu = 0; pu < rows.count(); pu++)
                add_padded(image, stride[2], s_.H, frame + pu * rows.length(), rows.length(),
                           rows.source(pu, 0), s_.rows.stride);
            return;
        }
        for (int64_t h = 0; h < s_.H; h++) {
            T* to = image + h * stride[2];
            for (int64_t x = 0; x < s_.W; x++) to[x * stride[3]] = start;
        }
        for (int64_t pu = 0; pu < rows.count(); pu++)
            for (int64_t q = 0; q < rows.length(); q++) {
                const int64_t h = rows.source(pu, 0) + q * s_.rows.stride;
                if (h < 0 || h >= s_.H) continue;
                for (int64_t pv = 0; pv < columns.count(); pv++) {
                    const T* from =
                        frame + ((pu * columns.count() + pv) * rows.length() + q) * columns.length();
                    add_padded(image + h * stride[2], stride[3], s_.W, from, columns.length(),
                               columns.source(pv, 0), s_.columns.stride);
                }
            }
    }

    // Whether every number of dx is in one plane at most, and rows of planes make a row of it.
    bool planes_merge() const {
        return dx_.stride[3] == 1 && s_.columns.stride <= 2 && layout_.rows().share_planes() &&
               layout_.columns().share_planes();
    }
    // `count` channels of image n from c on, then.
    void merge(int64_t n, int64_t c, int64_t count, const T* frame) const {
        const Planes &rows = layout_.rows(), &columns = layout_.columns();
        const Scratch<int64_t> line(s_.H);  // where row h is in the first plane of columns, -1 for nowhere
        for (int64_t h = 0; h < s_.H; h++) line[h] = -1;
        for (int64_t pu = 0; pu < rows.count(); pu++)
            for (int64_t q = 0; q < rows.length(); q++) {
                const int64_t h = rows.source(pu, 0) + q * s_.rows.stride;
                if (h >= 0 && h < s_.H)
                    line[h] = (pu * columns.count() * rows.length() + q) * columns.length();
            }
        // Plane element k is column `source` + k * step; counted from the first column of its residue on, it
        // is number `skipped` + k of them.
        const int64_t step = s_.columns.stride;
        PlaneRow<T> planes[2] = {};
        int64_t offset[2] = {};
        for (int64_t pv = 0; pv < columns.count(); pv++) {
            const int64_t source = columns.source(pv, 0), residue = ((source % step) + step) % step;
            const int64_t skipped = (source - residue) / step;
            planes[residue] = {frame, skipped, skipped + columns.length()};
            offset[residue] = pv * rows.length() * columns.length() - skipped;
        }
        for (int64_t k = 0; k < count; k++, frame += layout_.channel()) {
            T* to = &dx_(n, c + k, 0, 0);
            const T start = bias_ != nullptr ? bias_[(c + k) * bias_stride_] : T(0);
            for (int64_t h = 0; h < s_.H; h++, to += dx_.stride[2]) {
                PlaneRow<T> row[2] = {};
                for (int r = 0; line[h] >= 0 && r < 2; r++)
                    if (planes[r].numbers != nullptr)
                        row[r] = {frame + line[h] + offset[r], planes[r].begin, planes[r].end};
                if (step == 1)
                    merge_planes<T, 1>(to, s_.W, row, start);
                else
                    merge_planes<T, 2>(to, s_.W, row, start);
            }
        }
    }

    // to[first + q * step] += from[q] where that lies in [0, size).
    static void add_padded(T* to, int64_t stride, int64_t size, const T* from, int64_t count, int64_t first,
                           int64_t step) {
        int64_t q = first >= 0 ? 0 : (-first - 1) / step + 1;
        int64_t end = first >= size ? 0 : (size - 1 - first) / step + 1;
        if (end > count) end = count;
        if (stride == 1 && step == 1)
            for (; q < end; q += width<T>)
                store_partial(to + first + q,
                              load_partial(to + first + q, end - q) + load_partial(from + q, end - q),
                              end - q);
        else
            for (; q < end; q++) to[(first + q * step) * stride] += from[q];
    }

    FrameLayout layout_;
};

}  // namespace pydl::PYDL_ISA
