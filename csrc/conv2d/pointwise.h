// Convolutions with one tap, which are products of the weights with each image where it lies, and the
// gradient of their weights, which is a sum of such products:
//
//     y[n, m, p] = bias[m] + sum over c of  w[m, c] * x[n, c, p]        for the pixels p of image n
//     dw[m, c]   = sum over n and p of  dy[n, m, p] * x[n, c, p]
#pragma once

#include "conv2d/weight_dots.h"
#include "conv2d/weights.h"
#include "elementwise/turned_copy.h"
#include "gemm/gemm.h"

namespace pydl::PYDL_ISA {

// Whether the pixels of each channel follow each other.
template <typename T>
bool is_flat(const Images<T>& x) {
    return x.taps == 1 && x.stride[3] == 1 && (x.shape[2] == 1 || x.stride[2] == x.shape[3]);
}

// Whether outputs are as many as pixels, and each meets one of them.
inline bool is_pointwise(const Axis& axis) {
    return axis.taps == 1 && axis.stride == 1 && axis.origin == 0 && axis.outputs == axis.source;
}

// Images and how many pixels they have, `step` apart. Images of one pixel are one image.
struct FlatImages {
    int64_t images, pixels;
    bool joined;
    template <typename T>
    explicit FlatImages(const Images<T>& x)
        : images(x.shape[0]),
          pixels(x.shape[2] * x.shape[3]),
          joined(pixels == 1 && images > 1 && x.slices == 1) {
        if (joined) pixels = images, images = 1;
    }
    template <typename T>
    int64_t step(const Images<T>& x) const {
        return joined ? x.stride[0] : 1;
    }
};

// The images' products fill no vectors at their ends, while conv2d/product.h loses none there but copies the
// images.
template <typename T>
bool pays_to_multiply(const Correlation<T>& conv) {
    if (!is_pointwise(conv.rows) || !is_pointwise(conv.columns) || !is_flat(conv.x) || !is_flat(conv.y))
        return false;
    const FlatImages flat(conv.y);
    const int64_t few = flat.pixels % width<T>, whole = flat.pixels / width<T> * 10;
    const int64_t tenths = whole + (few == 0 ? 0 : few <= width<T> / 4 ? 3 : 10);
    return flat.images * tenths < 11 * (flat.images * flat.pixels / width<T> + 1);
}

template <typename T>
void correlate_pointwise(const Correlation<T>& conv) {
    const FlatImages flat(conv.y);
    const int64_t M = conv.features, C = conv.channels;
    const int64_t* stride = conv.w_stride;
    // Columns of weights, which would be packed for each image, are turned into rows.
    const bool turns = flat.images > 1 && stride[1] != 1;
    const int64_t pitch = C + 64 / int64_t(sizeof(T));  // no power of two, in which rows would collide
    const Scratch<T> turned(turns ? conv.groups * M * pitch : 0);
    const Parts blocks(M, 64);
    parallel_for(turns ? conv.groups * blocks.count : 0, 1 + 512 / (C + 1), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) {
            const int64_t group = i / blocks.count, block = i % blocks.count, m = blocks.begin(block);
            pack_panel(turned.data() + (group * M + m) * pitch, pitch, C, conv.weights(group, m), stride[1],
                       stride[0], blocks.length(block, M));
        }
    });
    gemm_batch(flat.images * conv.groups, M * C * flat.pixels, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) {
            const int64_t n = i / conv.groups, group = i % conv.groups;
            Matrix<const T> weights{conv.weights(group, 0), M, C, stride[0], stride[1]};
            if (turns) weights = {turned.data() + group * M * pitch, M, C, pitch, 1};
            gemm<T>(
                weights, {conv.x.at(n, group * C), C, flat.pixels, conv.x.stride[1], flat.step(conv.x)},
                {conv.y.at(n, group * M), M, flat.pixels, conv.y.stride[1], flat.step(conv.y)},
                BiasActivation<T>{conv.bias == nullptr ? nullptr : conv.bias + group * M * conv.bias_stride,
                                  conv.bias_stride, nullptr, 0});
        }
    });
}

// Whether the weights, of which lanes and rows of tiles are full, are better added up so. Of few weights over
// many pixels not all threads would have a part.
template <typename T>
bool is_pointwise_gradient(const Images<const T>& dy, const Images<const T>& x, const Conv2dShape& s) {
    const int64_t O = s.O / s.groups, C = s.C / s.groups;
    return is_pointwise(s.rows) && is_pointwise(s.columns) && is_flat(dy) && is_flat(x) &&
           2 * (O < C ? O : C) >= 5 * width<T>;
}

// Each thread adds up its part of dw over all images. Of slopes and pixels, which are read row by row, the
// one with fewer rows is packed into panels; if those are the slopes, dw is turned in the end.
template <typename T>
void pointwise_weight_gradient(const Images<const T>& dy, const Images<const T>& x, const Conv2dShape& s,
                               const Array<T, 4>& dw, T* db, int64_t db_stride) {
    const FlatImages flat(dy);
    const int64_t O = s.O / s.groups, C = s.C / s.groups, pixels = flat.pixels;
    const bool turned = O < C;
    const int64_t M = turned ? C : O, N = turned ? O : C;
    const Grid grid = thread_grid<T>(M, N, flat.images * pixels);
    const Parts rows(M, (M - 1) / grid.rows + 1), columns(N, (N - 1) / grid.columns + 1, width<T>);
    parallel_for(s.groups * rows.count * columns.count, 1, [&](int64_t begin, int64_t end) {
        const Scratch<T> product(turned ? rows.size * columns.size : 0);
        const Scratch<vec<T>> sums(O);
        for (int64_t part = begin; part < end; part++) {
            const int64_t group = part / columns.count / rows.count;
            const int64_t r = part / columns.count % rows.count, q = part % columns.count;
            const int64_t i = rows.begin(r), j = columns.begin(q);
            const int64_t m = rows.length(r, M), n = columns.length(q, N);
            const int64_t o = group * O + (turned ? j : i), c = turned ? i : j, features = turned ? n : m;
            T* to = turned ? product.data() : &dw(o, c, 0, 0);
            const int64_t to_stride = turned ? n : dw.stride[0];
            const bool with_bias = db != nullptr && c == 0;
            for (int64_t image = 0; image < flat.images; image++) {
                const T *slopes = dy.at(image, o), *sources = x.at(image, group * C + c);
                const Matrix<const T> of_dy{slopes, features, pixels, dy.stride[1], flat.step(dy)},
                    of_x{sources, turned ? m : n, pixels, x.stride[1], flat.step(x)};
                GemmPart<T, NoEpilogue>(turned ? of_x : of_dy, (turned ? of_dy : of_x).transposed(), to,
                                        to_stride, image > 0, 0, 0, NoEpilogue{})
                    .run();
                for (int64_t f = 0; with_bias && f < features; f++) {
                    vec<T> sum = image > 0 ? sums[f] : vec<T>{};
                    if (flat.joined)
                        for (int64_t p = 0; p < pixels; p++) sum[0] += of_dy(f, p);
                    else
                        sum = add_rows<T>(sum, &of_dy(f, 0), 0, 1, pixels);
                    sums[f] = sum;
                }
            }
            if (turned) turn(to, n, &dw(o, c, 0, 0), dw.stride[0], n, m);
            for (int64_t f = 0; with_bias && f < features; f++) db[(o + f) * db_stride] = reduce_add(sums[f]);
        }
    });
}

}  // namespace pydl::PYDL_ISA
