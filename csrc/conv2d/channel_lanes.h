// Images turned from [channel][row][column] into [row][column][channel], a square of vectors at a time.
#pragma once

#include "conv2d/frame.h"

namespace pydl::PYDL_ISA {

// The channels [channel, channel + W) of images, which become lanes; zero beyond the last one.
template <typename T>
struct ChannelLanes {
    static constexpr int64_t W = width<T>;
    const Images<const T>& images;
    int64_t channel, count, place[W];
    bool asks;  // for what is likely to be turned next, while an image is turned

    ChannelLanes(const Images<const T>& a, int64_t first, int64_t channels, bool ask = true)
        : images(a), channel(first), count(channels - first < W ? channels - first : W), asks(ask) {
        for (int64_t l = 0; l < count; l++) place[l] = a.at(0, first + l) - a.at(0, first);
    }
    // frame[i][k][lane] = pixel (top + i, left + k) of image n for begin <= i < end and k < columns, zero
    // outside the image of height x width, unless the frame has those zeros from an image before.
    void turn(T* frame, int64_t columns, int64_t begin, int64_t end, int64_t n, int64_t top, int64_t height,
              int64_t left, int64_t width, bool has_zeros = false) const {
        int64_t first = left < 0 ? -left : 0, past = width - left < columns ? width - left : columns;
        int64_t low = top + begin < 0 ? -top : begin, high = height - top < end ? height - top : end;
        if (past <= first || high <= low) first = past = columns, low = high = end;
        for (int64_t i = begin; i < end && !has_zeros; i++) {
            const bool inside = low <= i && i < high;
            T* line = frame + i * columns * W;
            for (int64_t k = 0; k < (inside ? first : columns); k++) store(line + k * W, vec<T>{});
            for (int64_t k = past; inside && k < columns; k++) store(line + k * W, vec<T>{});
        }
        if (low == high) return;
        const int64_t* stride = images.stride;
        const T* from = images.at(n, channel) + (top + low) * stride[2] + (left + first) * stride[3];
        T* to = frame + (low * columns + first) * W;
        // To what is likely to be turned next, which is asked for meanwhile: channels are too short for the
        // processor to see where they lead. Of an image that is turned in pieces, that is what is below.
        const int64_t above = (top + low) * stride[2];
        const int64_t run = past - first, ahead = top + high < height ? (high - low) * stride[2]
                                                  : n + 1 < images.shape[0]
                                                      ? stride[0] - above
                                                      : W * stride[1] - n * stride[0] - above;
        if (stride[3] == 1 && stride[2] == run)
            return turn_pixels(to, columns, run, from, (high - low) * run, ahead);
        for (int64_t i = low; i < high; i++, from += stride[2], to += columns * W)
            turn_pixels(to, columns, run, from, run, ahead);
    }

  private:
    // Neighbouring pixels; after `run` of them the next row of the frame begins.
    void turn_pixels(T* to, int64_t columns, int64_t run, const T* from, int64_t pixels,
                     int64_t ahead) const {
        const int64_t step = images.stride[3];
        int64_t left = run;
        for (int64_t k = 0; k < pixels; k += W, from += W * step) {
            const int64_t steps = pixels - k < W ? pixels - k : W;
            // One or two that are left, as of maps of 7 x 7, are not worth a square.
            if (steps <= 2) {
                for (int64_t j = 0; j < steps; j++) {
                    for (int64_t l = 0; l < W; l++) to[l] = l < count ? from[place[l] + j * step] : T(0);
                    to += W;
                    if (--left == 0) left = run, to += (columns - run) * W;
                }
                return;
            }
            vec<T> square[W];
            if (step == 1) {
                for (int64_t l = 0; asks && l < count; l++) prefetch(from + place[l] + ahead);
                // All of a square are loaded without asking for each.
                if (count == W && steps == W)
#pragma GCC unroll 16
                    for (int l = 0; l < W; l++) square[l] = load(from + place[l]);
                else
                    for (int l = 0; l < W; l++)
                        square[l] = l < count ? load_partial(from + place[l], steps) : vec<T>{};
            } else {
                for (int l = 0; l < W; l++) {
                    T line[W] = {};
                    for (int64_t j = 0; l < count && j < steps; j++) line[j] = from[place[l] + j * step];
                    square[l] = load(line);
                }
            }
            pydl::PYDL_ISA::transpose<T>(square);
#pragma GCC unroll 16
            for (int j = 0; j < W; j++) {
                if (j >= steps) continue;
                store(to, square[j]);
                to += W;
                if (--left == 0) left = run, to += (columns - run) * W;
            }
        }
    }
};

}  // namespace pydl::PYDL_ISA
