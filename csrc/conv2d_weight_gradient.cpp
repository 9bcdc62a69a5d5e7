// conv2d: the gradient with respect to the weight and the bias. See pydl/ops/conv2d.py.
//
//     dw[(c, u, v), o] = sum over (n, i, j) of  x[n, c, pixel under tap (u, v) of (i, j)] * dy[n, o, i, j]
//
// is a product whose long side, the output pixels, is summed over. The lanes of a tile are output channels o,
// its rows are taps (c, u, v). A tap's pixels lie at even distances in the image, or in a copy with the zeros
// around it (conv2d/dense_frame.h; conv2d/frame.h where taps are far apart), so the tile reads them behind
// one pointer a row and no patch is ever copied; only dy is transposed, one strip of pixels at a time, and
// what it adds up to is the bias's gradient.
//
//   for each task: a group, some of its channels, a part of the batch's output rows      (in parallel)
//     for each strip of output rows
//       copies what it reads of the images into frames, unless it can be read in place
//       for each panel of output channels: transposes dy, then for each panel of taps: one tile
//
// How the rows are cut into parts depends on the sizes alone, and the parts are added in order.
//
// Where most taps of many outputs meet the zeros around the image, as of dilated filters, taps are added up
// one by one, each over the pixels under which it meets the image, which are read in place. A tile's rows are
// channels then.
//
// Those of one tap are products (conv2d/pointwise.h). Few weights over many pixels, such as a first layer's,
// are added up with pixels as lanes instead (conv2d/weight_pixels.h), and those of groups of one channel as
// in conv2d/weight_dots.h or, the usual ones of depthwise convolutions, in conv2d_depthwise_weight.cpp.
#include "conv2d/weight_gradient.h"

#include "conv2d/dense_frame.h"
#include "conv2d/depthwise.h"
#include "conv2d/pointwise.h"
#include "conv2d/shape.h"
#include "conv2d/tap_span.h"
#include "conv2d/tap_tile.h"
#include "conv2d/weight_dots.h"
#include "conv2d/weight_pixels.h"
#include "elementwise/turned_copy.h"
#include "gemm/blocked.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
struct WeightGradient {
    static constexpr int64_t NR = tile_columns<T>;
    // Pixels of a strip: with wide vectors a long strip of dy fills the first-level cache, which pays only if
    // there are many taps to read it.
    static int64_t strip_pixels(int64_t filter_taps) {
        return many_registers && filter_taps <= 160 ? 128 : 256;
    }

    const Images<const T>& dy;
    const Images<const T>& x;
    const Conv2dShape& s;
    bool with_bias, by_taps;           // whether taps are added up one by one
    bool in_place;                     // whether x is read without frames
    bool dense;                        // whether frames have all pixels in their order
    int64_t step;                      // from one pixel of a row to the next
    int64_t taps, channels, features;  // of a filter's channel; of a group
    Parts chunks;                      // of a group's channels
    int64_t chunk_taps, pitch;         // rows and row length of a partial sum
    Parts strips;                      // of the N * I output rows
    Parts parts;                       // of the strips
    int64_t strip_images, strip_rows;  // that a strip touches at most, rows of one image
    FrameLayout layout;                // of frames that are not dense
    DenseFrame pixels;                 // of those that are

    WeightGradient(const Images<const T>& dy, const Images<const T>& x, const Conv2dShape& s, bool with_bias)
        : dy(dy),
          x(x),
          s(s),
          with_bias(with_bias),
          by_taps(pays_by_taps(dy, x, s)),
          in_place(by_taps || (x.stride[3] == 1 && !s.rows.leaves_source() && !s.columns.leaves_source())),
          dense(is_dense(s.rows) && is_dense(s.columns)),
          step(in_place || dense ? s.columns.stride : 1),
          taps(s.U * s.V),
          channels(s.C / s.groups),
          features(s.O / s.groups),
          chunks(channels, 1 + 131072 / (taps * whole_vectors<T>(features))),
          chunk_taps(chunks.size * taps + 1),
          pitch(whole_vectors<T>(features)),
          strips(s.N * s.I, 1 + strip_pixels(channels * taps) / s.J),
          parts(strips.count, (strips.count * s.groups * chunks.count - 1) / 16 + 1),
          strip_images((strips.size - 1) / s.I + 2 < s.N ? (strips.size - 1) / s.I + 2 : s.N),
          strip_rows(strips.size < s.I ? strips.size : s.I),
          layout(s.rows, s.columns, strip_rows),
          pixels(s.rows, s.columns, strip_rows) {}

    // Whether the taps meet all pixels.
    static bool is_dense(const Axis& axis) { return axis.dilation == 1 && axis.stride <= axis.taps; }
    // In float64, that would seldom be worth its size.
    static constexpr bool can_be_by_taps = has_special_kernels && sizeof(T) == 4;
    // Whether enough is left out by that, and tiles are full of channels.
    static bool pays_by_taps(const Images<const T>& dy, const Images<const T>& x, const Conv2dShape& s) {
        if (!can_be_by_taps || x.stride[3] != 1 || s.C < s.groups * tile_rows<T>) return false;
        const double met = double(TapSegments(s.rows).met()) * double(TapSegments(s.columns).met());
        return met < 0.8 * double(s.I) * double(s.J) * double(s.U * s.V) && is_finite(dy);
    }
    // Zero times a slope that is not would be no zero.
    [[gnu::noinline]] static bool is_finite(const Images<const T>& dy) {
        T sum = 0;
        for (int64_t n = 0; n < dy.shape[0]; n++)
            for (int64_t o = 0; o < dy.shape[1]; o++)
                for (int64_t i = 0; i < dy.shape[2]; i++) {
                    const T* row = dy.at(n, o) + i * dy.stride[2];
                    for (int64_t j = 0; j < dy.shape[3]; j++) {
                        const T slope = row[j * dy.stride[3]];
                        sum += slope - slope;
                    }
                }
        return sum == 0;
    }
    int64_t partial_size() const { return chunk_taps * pitch; }
    int64_t channel_size() const { return dense ? pixels.channel() : layout.channel(); }
    // From one output row to the next in a frame.
    int64_t row_pitch() const { return dense ? s.rows.stride * pixels.pitch : layout.pitch(); }
    // Adds up part `part` in sum[tap][o]; behind the taps of chunk 0 comes the bias.
    void run(int64_t group, int64_t chunk, int64_t part, T* sum) const {
        const int64_t own_channels = chunks.length(chunk, channels), own_taps = own_channels * taps;
        const int64_t channel = group * channels + chunks.begin(chunk),
                      segment = own_channels * channel_size();
        const Scratch<T> frame(in_place ? 0 : strip_images * segment + pixels.slack<T>()),
            panel(strips.size * s.J * NR);
        const bool by_taps = can_be_by_taps && this->by_taps;
        // Taps that have their pixels in common.
        const int64_t sets = by_taps ? taps : 1, set_taps = own_taps / sets;
        const Scratch<const T*> tap(own_taps);
        const Scratch<Piece> pieces(sets * strips.size);
        const Scratch<int64_t> piece_count(sets);
        for (int64_t k = 0; k < own_taps; k++) {
            const int64_t c = by_taps ? k % own_channels : k / taps,
                          t = by_taps ? k / own_channels : k % taps;
            const int64_t u = t / s.V, v = t % s.V;
            tap[k] = in_place ? x.at(0, channel + c) + (s.rows.origin + u * s.rows.dilation) * x.stride[2] +
                                    s.columns.origin + v * s.columns.dilation
                              : frame.data() + c * channel_size() +
                                    (dense ? u * pixels.pitch + v : layout.taps()[t]);
        }
        for (int64_t k = 0; k < partial_size(); k++) sum[k] = T(0);

        for (int64_t strip = parts.begin(part); strip < parts.begin(part) + parts.length(part, strips.count);
             strip++) {
            const int64_t first = strips.begin(strip), count = strips.length(strip, s.N * s.I);
            for (int64_t q = 0; q < sets; q++) piece_count[q] = 0;
            const int64_t first_image = first / s.I, last_image = (first + count - 1) / s.I;
            for (int64_t n = first_image; n <= last_image; n++) {
                const int64_t top = n == first_image ? first % s.I : 0;
                const int64_t end = n == last_image ? first + count - n * s.I : s.I;
                const int64_t own = (n - first_image) * segment;
                if (!in_place && dense)
                    pixels.fill(frame.data() + own, x, n, channel, own_channels, top, end - top);
                else if (!in_place)
                    layout.fill(frame.data() + own, x, n, channel, own_channels, top, end - top);
                for (int64_t i = top; i < end; i++) {
                    const int64_t source = in_place ? (x.at(n, 0) - x.data) + i * s.rows.stride * x.stride[2]
                                                    : own + (i - top) * row_pitch();
                    const Piece row = {source, s.J, (n * s.I + i - first) * s.J};
                    for (int64_t q = 0; q < sets; q++)
                        add_piece(by_taps ? inside(row, i, q) : row, &pieces[q * strips.size],
                                  piece_count[q]);
                }
            }
            for (int64_t o = 0; o < features; o += NR) {
                const int64_t columns = features - o < NR ? features - o : NR;
                const int64_t lanes = whole_vectors<T>(columns);
                transpose_strip(panel.data(), group * features + o, columns, first, count);
                if (with_bias && chunk == 0)
                    add_pixels(sum + own_taps * pitch + o, panel.data(), count * s.J, lanes);
                // For a single vector, eight rows are enough, whose places stay in registers.
                const Parts tiles(set_taps, many_registers && lanes == width<T> ? 8 : tile_rows<T>);
                for (int64_t q = 0; q < sets; q++)
                    for (int64_t t = 0; t < tiles.count && own_taps > 0; t++)
                        tap_tile_function<T>(tiles.length(t, set_taps), columns)(
                            tap.data() + q * set_taps + tiles.begin(t), step, &pieces[q * strips.size],
                            piece_count[q], panel.data(), lanes,
                            sum + (tiles.begin(t) * sets + q) * pitch + o, sets * pitch);
            }
        }
    }

    // The part of output row i under which a tap meets the image.
    Piece inside(const Piece& row, int64_t i, int64_t tap) const {
        const OutputSpan rows(s.rows, tap / s.V), columns(s.columns, tap % s.V);
        if (i < rows.begin || i >= rows.end) return {0, 0, 0};
        return {row.source + columns.begin * step, columns.end - columns.begin, row.slope + columns.begin};
    }
    // One more, unless it goes on where the last one ends.
    void add_piece(const Piece& piece, Piece* pieces, int64_t& count) const {
        if (piece.length == 0) return;
        Piece* last = count > 0 ? &pieces[count - 1] : nullptr;
        if (last != nullptr && last->source + last->length * step == piece.source &&
            last->slope + last->length == piece.slope)
            last->length += piece.length;
        else
            pieces[count++] = piece;
    }

    // sum[lane] += panel[pixel][lane], in four chains, since each addition waits for the one before.
    static void add_pixels(T* sum, const T* panel, int64_t pixels, int64_t lanes) {
        for (int64_t l = 0; l < lanes; l += width<T>) {
            vec<T> chain[4] = {};
            int64_t p = 0;
            for (; p + 4 <= pixels; p += 4)
#pragma GCC unroll 4
                for (int i = 0; i < 4; i++) chain[i] += load(panel + (p + i) * lanes + l);
            for (; p < pixels; p++) chain[0] += load(panel + p * lanes + l);
            store(sum + l, load(sum + l) + ((chain[0] + chain[1]) + (chain[2] + chain[3])));
        }
    }

    // panel[pixel][lane] = dy of the output rows [first, first + count), an image's rows at once where they
    // lie one behind another.
    void transpose_strip(T* panel, int64_t channel, int64_t columns, int64_t first, int64_t count) const {
        const bool flat = s.I == 1 || dy.stride[2] == s.J * dy.stride[3];
        const int64_t lanes = whole_vectors<T>(columns);
        for (int64_t r = first; r < first + count;) {
            const int64_t n = r / s.I, i = r % s.I;
            int64_t rows = flat ? s.I - i : 1;
            if (rows > first + count - r) rows = first + count - r;
            pack_panel(panel + (r - first) * s.J * lanes, lanes, columns,
                       dy.at(n, channel) + i * dy.stride[2], dy.stride[1], dy.stride[3], rows * s.J);
            r += rows;
        }
    }
};

template <typename T>
void gather_weight_gradient(const Images<const T>& dy, const Images<const T>& x, const Conv2dShape& s,
                            Array<T, 4> dw, T* db, int64_t db_stride) {
    const WeightGradient<T> job(dy, x, s, db != nullptr);
    const int64_t sums = s.groups * job.chunks.count, size = job.partial_size();
    const Scratch<T> partial(sums * job.parts.count * size);
    const int64_t work = size * job.parts.size * job.strips.size * s.J;
    parallel_for(
        sums * job.parts.count, 1 + GemmBlocks<T>::thread_work / (work + 1), [&](int64_t begin, int64_t end) {
            for (int64_t task = begin; task < end; task++) {
                const int64_t part = task % job.parts.count, sum = task / job.parts.count;
                job.run(sum / job.chunks.count, sum % job.chunks.count, part, partial.data() + task * size);
            }
        });
    const bool contiguous = dw.contiguous();
    parallel_for(sums, 1 + 65536 / (size * job.parts.count), [&](int64_t begin, int64_t end) {
        for (int64_t sum = begin; sum < end; sum++) {
            T* total = partial.data() + sum * job.parts.count * size;
            for (int64_t part = 1; part < job.parts.count; part++)
                for (int64_t k = 0; k < size; k += width<T>)
                    store(total + k, load(total + k) + load(total + part * size + k));
            const int64_t g = sum / job.chunks.count, chunk = sum % job.chunks.count;
            const int64_t own_taps = job.chunks.length(chunk, job.channels) * job.taps;
            const int64_t first_channel = job.chunks.begin(chunk), first_feature = g * job.features;
            if (contiguous) {
                T* to = &dw(first_feature, first_channel, 0, 0);
                turn(total, job.pitch, to, dw.stride[0], job.features, own_taps);
            } else {
                for (int64_t o = 0; o < job.features; o++)
                    for (int64_t t = 0; t < own_taps; t++)
                        dw(first_feature + o, first_channel + t / job.taps, t % job.taps / s.V, t % s.V) =
                            total[t * job.pitch + o];
            }
            if (db != nullptr && chunk == 0)
                for (int64_t o = 0; o < job.features; o++)
                    db[(first_feature + o) * db_stride] = total[own_taps * job.pitch + o];
        }
    });
}

template <typename T>
void add_up_weight_gradient(const Images<const T>& dy, const Images<const T>& x, const Conv2dShape& s,
                            Array<T, 4> dw, T* db, int64_t db_stride) {
    if (dw.size() == 0 && db == nullptr) return;
    if (s.N == 0 || s.C == 0) {
        for (int64_t o = 0; o < s.O; o++) {
            for (int64_t c = 0; c < dw.shape[1]; c++)
                for (int64_t u = 0; u < s.U; u++)
                    for (int64_t v = 0; v < s.V; v++) dw(o, c, u, v) = T(0);
            if (db != nullptr && s.N == 0) db[o * db_stride] = T(0);
        }
        if (s.N == 0) return;
    }
    if constexpr (has_special_kernels) {
        if (is_pointwise_gradient(dy, x, s) && dw.stride[1] == 1)
            return pointwise_weight_gradient<T>(dy, x, s, dw, db, db_stride);
        if (has_depthwise_weights<T>(s)) return depthwise_weight_gradient<T>(dy, x, s, dw, db, db_stride);
        if (has_strided_weights<T>(dy, x, s))
            return strided_depthwise_weights<T>(dy, x, s, dw, db, db_stride);
        if (PixelGradient<T>::suits(s)) return PixelGradient<T>(dy, x, s).run(dw, db, db_stride);
    }
    // Of many channels, the dots would wait for the copies.
    if (s.O == s.groups && (s.C == s.groups || !has_special_kernels))
        DottedGradient<T, 1>(dy, x, s).run(dw, db, db_stride);
    else
        gather_weight_gradient<T>(dy, x, s, dw, db, db_stride);
}
template void add_up_weight_gradient(const Images<const float>&, const Images<const float>&,
                                     const Conv2dShape&, Array<float, 4>, float*, int64_t);
template void add_up_weight_gradient(const Images<const double>&, const Images<const double>&,
                                     const Conv2dShape&, Array<double, 4>, double*, int64_t);

template <typename T>
void conv2d_weight_gradient(Array<const T, 4> dy, Array<const T, 4> x, Array<T, 4> dw,
                            Optional<Array<T, 1>> db, Ints<2> stride, Ints<4> padding, Ints<2> dilation,
                            int64_t groups) {
    const Conv2dShape s = conv2d_shape(
        x, dw, dy, stride, padding, dilation, groups,
        "conv2d_weight_gradient: dy, x, dw, db, stride, padding, dilation and groups do not fit");
    require(!db || db->shape[0] == s.O,
            "conv2d_weight_gradient: db must have one element for each of dw's output channels");
    add_up_weight_gradient<T>(images_of(dy), images_of(x), s, dw, db ? db->data : nullptr,
                              db ? db->stride[0] : 0);
}
PYDL_KERNEL(conv2d_weight_gradient, "dy, x, dw, db, stride, padding, dilation, groups")

}  // namespace pydl::PYDL_ISA
