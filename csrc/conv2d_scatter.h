// The gradient with respect to the input as products that are added where their taps point:
//
//     share[(c, u, v), (n, i, j)] = sum over o of  w[o, c, u, v] * dy[n, o, i, j]
//     dx[n, c, i * stride + u * dilation - top, ...] += share[(c, u, v), (n, i, j)]
//
// A product over the output channels alone, with no patch to gather and no zero of a padding or stride to
// multiply. A tile of shares is added to a frame (conv2d_frame.h) while it is in the first-level cache. A
// task owns the frames it adds to, and adds to them in an order that depends on the sizes only.
//
//   for each task: some images, a group, some of its channels     (in parallel)
//     for each panel of output pixels, for each panel of taps: one tile, added to the frame
//     the frame becomes dx
#pragma once

#include "conv2d_shape.h"
#include "gemm_blocked.h"

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

// dy as a panel: one step for each of `features` output channels from `o` on, lanes pixels from `column` of
// the images from `image` on.
template <typename T>
Panel<T> panel_of_pixels(T* panel, const Array<const T, 4>& dy, int64_t image, int64_t o, int64_t features,
                         int64_t column, int64_t lanes) {
    const int64_t I = dy.shape[2], J = dy.shape[3], pixels = I * J, pitch = whole_vectors<T>(lanes);
    const bool flat = I == 1 || dy.stride[2] == J * dy.stride[3];
    const int64_t longest = flat ? pixels : J;
    for (int64_t lane = 0; lane < lanes;) {
        const int64_t at = column + lane, n = image + at / pixels, i = at % pixels / J, j = at % J;
        const int64_t left = longest - at % longest, length = left < lanes - lane ? left : lanes - lane;
        const T* from = &dy(n, o, i, j);
        if (dy.stride[3] == 1 && length == lanes && lanes == pitch) return {from, dy.stride[1]};
        for (int64_t k = 0; k < features; k++)
            copy_padded(panel + k * pitch + lane, length, from + k * dy.stride[1], dy.stride[3], length,
                        int64_t(0), int64_t(1));
        lane += length;
    }
    return {panel, pitch};
}

template <typename T>
class ScatteredGradient {
    static constexpr int64_t NR = tile_columns<T>;

  public:
    // bias, where it is not null, is what each channel of dx begins with.
    ScatteredGradient(const Array<const T, 4>& dy, const Array<const T, 4>& w, const T* bias,
                      int64_t bias_stride, const Array<T, 4>& dx, const Conv2dShape& s)
        : dy_(dy),
          w_(w),
          bias_(bias),
          bias_stride_(bias_stride),
          dx_(dx),
          s_(s),
          channels_(s.C / s.groups),
          features_(s.O / s.groups),
          taps_(s.U * s.V),
          pixels_(s.I * s.J),
          layout_(s.rows, s.columns, s.I),
          images_(s.N, 1 + 255 / pixels_),
          chunks_(channels_, chunk_channels()),
          packed_(s.O * channels_ * taps_) {}

    void run() {
        const int64_t panels = s_.groups * chunks_.count;
        parallel_for(panels, 1 + 65536 / (chunks_.size * taps_ * features_), [&](int64_t begin, int64_t end) {
            for (int64_t p = begin; p < end; p++) pack_weights(p / chunks_.count, p % chunks_.count);
        });
        const int64_t work = images_.size * pixels_ * chunks_.size * taps_ * features_;
        parallel_for(images_.count * panels, 1 + GemmBlocks<T>::thread_work / work,
                     [&](int64_t begin, int64_t end) {
                         for (int64_t task = begin; task < end; task++)
                             run_task(task / panels, task % panels / chunks_.count, task % chunks_.count);
                     });
    }

  private:
    // As many channels as keep the frames in the second-level cache, fewer for want of tasks.
    int64_t chunk_channels() const {
        const int64_t fit = 65536 / (images_.size * layout_.channel());
        const int64_t chunks_wanted = GemmBlocks<T>::tasks / (images_.count * s_.groups);
        const int64_t shared = chunks_wanted > 1 ? channels_ / chunks_wanted : channels_;
        const int64_t least = 4 * tile_rows<T> / taps_ + 1, size = fit < shared ? fit : shared;
        return size < least ? least : size;
    }

    // The rows of a chunk's panels are (v, u, c), the channel running fastest: neighbouring rows are added to
    // different frames, so that an addition never waits for the one before.
    int64_t rows_of(int64_t chunk) const { return chunks_.length(chunk, channels_) * taps_; }
    T* packed(int64_t group, int64_t chunk) const {
        return packed_.data() + (group * channels_ + chunks_.begin(chunk)) * taps_ * features_;
    }
    void pack_weights(int64_t group, int64_t chunk) const {
        const int64_t rows = rows_of(chunk), own = chunks_.length(chunk, channels_);
        const Parts tiles(rows, tile_rows<T>);
        for (int64_t tile = 0; tile < tiles.count; tile++) {
            const int64_t count = tiles.length(tile, rows);
            T* panel = packed(group, chunk) + tiles.begin(tile) * features_;
            for (int64_t r = 0; r < count; r++) {
                const int64_t row = tiles.begin(tile) + r, c = chunks_.begin(chunk) + row % own;
                const T* from = &w_(group * features_, c, row / own % s_.U, row / own / s_.U);
                for (int64_t o = 0; o < features_; o++) panel[o * count + r] = from[o * w_.stride[0]];
            }
        }
    }

    // Pixels of one output row that are neighbours in a panel.
    struct Run {
        int64_t lane, length, place;  // place: of tap (0, 0) in channel 0 of the frame
    };

    void run_task(int64_t image_block, int64_t group, int64_t chunk) const {
        const int64_t first = images_.begin(image_block), count = images_.length(image_block, s_.N);
        const int64_t own = chunks_.length(chunk, channels_), rows = rows_of(chunk);
        const int64_t segment = own * layout_.channel(), columns = count * pixels_;
        const Scratch<T> frame(count * segment), panel(features_ * NR), tile(2 * tile_rows<T> * NR);
        const Scratch<int64_t> place(rows);
        // Rows that lie one behind another in the frame are one: images of one column.
        const int64_t line = layout_.pitch() == s_.J ? pixels_ : s_.J;
        for (int64_t r = 0; r < rows; r++)
            place[r] = r % own * layout_.channel() + layout_.taps()[r / own % s_.U * s_.V + r / own / s_.U];
        for (int64_t k = 0; k < count * segment; k++) frame[k] = T(0);
        const Parts tiles(rows, tile_rows<T>);
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
            const Panel<T> b =
                panel_of_pixels(panel.data(), dy_, first, group * features_, features_, column, lanes);
            // A tile is added after the next one is computed: read at once, part by part, its numbers would
            // still be on their way to the cache.
            const auto tile_of = [&](int64_t t) { return tile.data() + t % 2 * tile_rows<T> * NR; };
            for (int64_t t = 0; t <= tiles.count; t++) {
                if (t < tiles.count)
                    tile_function<T>(int(tiles.length(t, rows)), lanes)(
                        features_, packed(group, chunk) + tiles.begin(t) * features_, b.data, b.stride,
                        tile_of(t), NR, whole_vectors<T>(lanes), false);
                if (t > 0)
                    for (int64_t r = 0; r < run_count; r++)
                        add_run(frame.data(), &place[tiles.begin(t - 1)], tiles.length(t - 1, rows),
                                tile_of(t - 1), runs[r]);
            }
        }
        for (int64_t n = 0; n < count; n++) {
            if (planes_merge())
                merge(first + n, group * channels_ + chunks_.begin(chunk), own, frame.data() + n * segment);
            for (int64_t c = 0; c < own && !planes_merge(); c++)
                write(first + n, group * channels_ + chunks_.begin(chunk) + c,
                      frame.data() + n * segment + c * layout_.channel());
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

    const Array<const T, 4>&dy_, &w_;
    const T* bias_;
    int64_t bias_stride_;
    const Array<T, 4>& dx_;
    const Conv2dShape& s_;
    int64_t channels_, features_, taps_, pixels_;
    FrameLayout layout_;
    Parts images_, chunks_;
    Scratch<T> packed_;
};

}  // namespace pydl::PYDL_ISA
