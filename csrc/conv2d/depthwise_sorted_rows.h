// Depthwise convolutions by filters of one row, of narrow images: four vectors of pixels are read where they
// lie, those of one row or of several, and sorted by their columns modulo four, so that most of the outputs
// in a vector find their pixels in another vector and not in other lanes of their own:
//
//     rows      a b c d e f g h   i j k l m n o p      A vector has a lane for every fourth column.
//     sorted    a e i m   b f j n   c g k o   d h l p
//     tap +1    b f j n   c g k o   d h l p   e i m .  Only the last one is new, moved by one lane.
//
// So one movement, of all four vectors by some lanes, does for up to seven taps.
#pragma once

#include "conv2d/depthwise_framed.h"
#include "gemm/microkernel.h"
#include "simd/lanes.h"
#include "simd/permute.h"
#include "simd/register.h"

namespace pydl::PYDL_ISA {

template <typename T>
class SortedRows {
    static constexpr int64_t W = width<T>;

  public:
    static constexpr bool exist = picks_lanes && sizeof(T) == 4;

    static bool suits(const Axis& rows, const Axis& columns) {
        const int64_t first = columns.origin, last = first + columns.taps - 1,
                      vectors = 4 / rows_at_once(columns),
                      most = columns.source > columns.outputs ? columns.source : columns.outputs;
        // Sorting takes as long as some taps, as long for three vectors in a row as for four, and filters
        // without a kernel are spread for each image.
        const bool pays = kernel_of(columns) > 0 || (columns.taps >= 7 && (vectors < 4 || most > 3 * W) &&
                                                     rows.outputs >= 4 * rows_at_once(columns));
        return exist && pays && rows.taps == 1 && !rows.leaves_source() && columns.stride == 1 &&
               columns.dilation == 1 && first > -4 * W && last < 4 * W && most <= 4 * W &&
               rows.outputs >= rows_at_once(columns);
    }

    SortedRows(const Axis& rows, const Axis& columns, int64_t x_pitch, int64_t y_pitch)
        : taps_(columns.taps),
          centred_(kernel_of(columns)),
          rows_(rows_at_once(columns)),
          count_(rows.outputs),
          x_pitch_(x_pitch),
          y_pitch_(y_pitch),
          first_(by_four(columns.origin)),
          steps_(by_four(columns.origin + taps_ - 1) + 2 - first_),
          read_{pixels(columns.source, 0), pixels(columns.source, 1), pixels(columns.source, 2),
                pixels(columns.source, 3)},
          step_(steps_),
          place_(2 * taps_) {
        constexpr int64_t fours = W / 4;  // of a vector
        const int64_t vectors = 4 / rows_;
        for (int64_t s = 0; s < 4; s++) {
            const int64_t row = s / vectors, column = s % vectors * W;
            // Vectors without pixels are not looked for outside the image.
            from_[s] = row * x_pitch + (columns.source > column ? column : 0);
            write_[s] = columns.outputs > column ? columns.outputs - column : 0;
            to_[s] = row * y_pitch + (write_[s] > 0 ? column : 0);
        }
        for (int64_t k = 0; k < steps_; k++) {
            // Fours of columns, counted along a row.
            const mask<T> lane = iota<int_of<T>>(), s = lane & int_of<T>(3), row = s & int_of<T>(-vectors),
                          four = (s - row) * int_of<T>(fours) + lane / int_of<T>(4) + int_of<T>(first_ + k),
                          outside = (four < 0) | (four >= int_of<T>(vectors * fours));
            step_[k] =
                Step(outside | (four % int_of<T>(fours) * int_of<T>(4) + row + four / int_of<T>(fours)));
            step_[k].moves = first_ + k != 0;
        }
        for (int64_t v = 0; v < taps_; v++) {
            const int64_t by = columns.origin + v, k = by_four(by) - first_, band = by - by_four(by) * 4;
            step_[k].bands |= 8u << band;
            place_[2 * v] = place_[2 * v + 1] = k * 8 + 3 + band;
            // The last outputs of four find the pixels a lane further.
            if (band > 0) step_[k + 1].bands |= 1u << (band - 1), place_[2 * v + 1] = k * 8 + 7 + band;
        }
    }

    // Numbers that a filter is spread to.
    int64_t spread() const { return 8 * steps_; }
    // One plane, its filter read as w[v * along].
    void run(const T* w, int64_t along, T* spread, T bias, const T* x, T* y) const {
        if (centred_ == 5) return run_rows<5>(*this, w, along, bias, x, y);
        if (centred_ == 7) return run_rows<7>(*this, w, along, bias, x, y);
        for (int64_t v = 0; v < taps_; v++) spread[place_[2 * v]] = spread[place_[2 * v + 1]] = w[v * along];
        run_rows<0>(*this, spread, 1, bias, x, y);
    }

  private:
    struct Step {
        explicit Step(mask<T> lane) : pick(lane) {}
        LanePick pick;       // where the pixels of each lane come from
        uint32_t bands = 0;  // bit 3 + b: a tap that finds the pixels of vector s in vector s + b
        bool moves = true;
    };

    // Sums += the products of pixels with the taps of some bands, of which one weighs weight(band).
    template <typename Bands, typename Weight>
    PYDL_INLINE static void add(vec<T> (&sum)[4], const vec<T> (&pixel)[4], Bands bands,
                                const Weight& weight) {
#pragma GCC unroll 7
        for (int band = -3; band <= 3; band++)
            if (bands & 1u << (band + 3)) {
                const vec<T> same = weight(band);
#pragma GCC unroll 4
                for (int s = 0; s < 4; s++)
                    if (s + band >= 0 && s + band < 4) sum[s] = fma(same, pixel[s + band], sum[s]);
            }
    }
    PYDL_INLINE static void move(const LanePick& pick, const vec<T> (&row)[4], vec<T> (&pixel)[4]) {
#pragma GCC unroll 4
        for (int s = 0; s < 4; s++) pixel[s] = pick(row[s]);
    }

    // V: as many taps, that of the output in the middle, read as w[v * along]; 0: any number of them
    // anywhere, spread to the bands of each step.
    template <int V>
    static void run_rows(const SortedRows& line, const T* w, int64_t along, T bias, const T* x, T* y) {
        const int64_t from[4] = {line.from_[0], line.from_[1], line.from_[2], line.from_[3]},
                      to[4] = {line.to_[0], line.to_[1], line.to_[2], line.to_[3]},
                      write[4] = {line.write_[0], line.write_[1], line.write_[2], line.write_[3]};
        const LaneRange<T> read[4] = {line.read_[0], line.read_[1], line.read_[2], line.read_[3]};
        const int64_t at_once = line.rows_, steps = line.steps_, x_pitch = line.x_pitch_,
                      y_pitch = line.y_pitch_;
        const Step* const step = line.step_.data();
        const vec<T> start = broadcast<T>(bias);
        vec<T> held[V + 1];
#pragma GCC unroll 8
        for (int v = 0; v < V; v++) held[v] = in_register(broadcast<T>(w[v * along]));
        for (int64_t left = line.count_; left > 0; left -= at_once) {
            // The last rows are moved back to end with the image; what they compute again is the same.
            if (left < at_once) x -= (at_once - left) * x_pitch, y -= (at_once - left) * y_pitch;
            vec<T> row[4], pixel[4], sum[4];
#pragma GCC unroll 4
            for (int s = 0; s < 4; s++) row[s] = read[s].load(x + from[s]), sum[s] = start;
            transpose_blocks<T>(row);
            if constexpr (V > 0) {
                constexpr uint32_t middle = (1u << (V / 2 + 4)) - (1u << (3 - V / 2)),
                                   before = 0x80 - (1u << (7 - V / 2)), behind = (1u << (V / 2)) - 1;
                add(sum, row, middle, [&](int band) PYDL_INLINE_LAMBDA { return held[V / 2 + band]; });
                move(step[0].pick, row, pixel);
                add(sum, pixel, before, [&](int band) PYDL_INLINE_LAMBDA { return held[V / 2 - 4 + band]; });
                move(step[2].pick, row, pixel);
                add(sum, pixel, behind, [&](int band) PYDL_INLINE_LAMBDA { return held[V / 2 + 4 + band]; });
            } else {
                const T* own = w + 3;
                const auto weight = [&](int band) PYDL_INLINE_LAMBDA { return broadcast<T>(own[band]); };
                for (int64_t k = 0; k < steps; k++, own += 8)
                    if (step[k].moves) {
                        move(step[k].pick, row, pixel);
                        add(sum, pixel, step[k].bands, weight);
                    } else {
                        add(sum, row, step[k].bands, weight);
                    }
            }
            transpose_blocks<T>(sum);
#pragma GCC unroll 4
            for (int s = 0; s < 4; s++) store_partial(y + to[s], sum[s], write[s]);
            x += at_once * x_pitch, y += at_once * y_pitch;
        }
    }

    // The taps of filters with a kernel of their own, else 0.
    static int64_t kernel_of(const Axis& columns) {
        const int64_t taps = columns.taps;
        return (taps == 5 || taps == 7) && columns.origin == -taps / 2 ? taps : 0;
    }
    static int64_t by_four(int64_t columns) { return columns >= 0 ? columns / 4 : -((3 - columns) / 4); }
    static int64_t rows_at_once(const Axis& columns) {
        const int64_t most = columns.source > columns.outputs ? columns.source : columns.outputs;
        return most <= W ? 4 : most <= 2 * W ? 2 : 1;
    }

    // Those of a row that vector number s of four holds.
    LaneRange<T> pixels(int64_t columns, int64_t s) const {
        return LaneRange<T>(0, columns - s % (4 / rows_) * W);
    }

    int64_t taps_, centred_, rows_, count_, x_pitch_, y_pitch_, first_, steps_;
    LaneRange<T> read_[4];
    int64_t from_[4], write_[4], to_[4];
    Scratch<Step> step_;
    Scratch<int64_t> place_;
};

// Whether they compute a convolution, and have.
template <typename T>
bool correlate_sorted_rows(const Correlation<T>& conv) {
    if constexpr (SortedRows<T>::exist) {
        if (conv.channels != 1 || conv.x.stride[3] != 1 || !SortedRows<T>::suits(conv.rows, conv.columns))
            return false;
        const SortedRows<T> sorted(conv.rows, conv.columns, conv.rows.stride * conv.x.stride[2],
                                   conv.y.stride[2]);
        const int64_t work = conv.rows.outputs * conv.columns.outputs * (conv.taps() + 4) * conv.features;
        const int64_t pixels = conv.y.shape[2] * conv.y.shape[3];
        const bool far = exceed(conv.x, conv.y, kCached);
        parallel_for(conv.x.shape[0] * conv.groups, 1 + GemmBlocks<T>::thread_work / work,
                     [&](int64_t begin, int64_t end) {
                         const Scratch<T> spread(sorted.spread());
                         DepthwiseTask task(begin, conv.groups);
                         for (int64_t k = begin; k < end; k++, task.advance(conv.groups))
                             for (int64_t m = 0; m < conv.features; m++) {
                                 const int64_t o = task.group * conv.features + m;
                                 if (far) {
                                     ask_for(conv.x.at(task.n, task.group) + kAheadOfPlane, pixels);
                                     ask_for(conv.y.at(task.n, o) + kAheadOfPlane, pixels);
                                 }
                                 sorted.run(
                                     conv.weights(task.group, m), conv.w_stride[3], spread.data(),
                                     conv.bias ? conv.bias[o * conv.bias_stride] : T(0),
                                     conv.x.at(task.n, task.group) + conv.rows.origin * conv.x.stride[2],
                                     conv.y.at(task.n, o));
                             }
                     });
        return true;
    }
    return false;
}

}  // namespace pydl::PYDL_ISA
