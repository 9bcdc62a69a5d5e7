// Average pooling with a plane in each lane, for windows of any kind: see pooling/lanes.h.
#pragma once
#include "pooling/avg_divisors.h"
#include "pooling/lanes.h"

namespace pydl::PYDL_ISA {

// sum / divisor of the `count` windows from window `first` on of a row-by-row run, each a vector, in place.
template <typename T>
[[gnu::noinline]] void divide_lanes(const Divisors<T>& divisors, const LaneWindows& w, int64_t first,
                                    int64_t count, T* x) {
    constexpr int64_t W = width<T>;
    const Divide<T> mean(divisors.first());
    const int64_t OH = w.rows.out, OW = w.columns.out;
    int64_t z = first / OW / OH, p = first / OW % OH, q = first % OW;
    T down = divisors.down(z, p);
    for (int64_t k = 0; k < count; ++k, x += W) {
        const vec<T> sum = load(x);
        store(x, divisors.uniform() ? mean(sum) : sum / broadcast<T>(down * divisors.along(q)[0]));
        if (++q < OW || k + 1 == count) continue;
        q = 0;
        if (++p == OH) p = 0, ++z;
        down = divisors.down(z, p);
    }
}

template <typename T>
void avg_pool_forward_lanes(const Array<const T, 5>& x, T* y, const LaneWindows& w,
                            const Divisors<T>& divisors) {
    pool_lanes<LaneSum<T>>(x, w,
                           [&](int64_t plane, int64_t lanes, int64_t first, int64_t count, const auto& sum) {
                               divide_lanes(divisors, w, first, count, sum.value);
                               copy_columns(sum.value, int64_t(width<T>), y + plane * w.outputs() + first,
                                            w.outputs(), lanes, count);
                           });
}

// The windows [first, last) that hold each element of an axis.
class LaneCovers {
  public:
    struct Cover {
        int64_t first, last;
    };
    [[gnu::noinline]] explicit LaneCovers(const LaneAxis& axis) : covers_(axis.size) {
        int64_t first = 0, last = 0;
        for (int64_t e = 0; e < axis.size; ++e) {
            while (last < axis.out && axis[last].begin <= e) ++last;
            while (first < last && axis[first].begin + axis[first].count <= e) ++first;
            covers_[e] = {first, last};
        }
    }
    Cover operator[](int64_t e) const { return covers_[e]; }

  private:
    Scratch<Cover> covers_;
};

// Bands of rows of dx: the windows' shares are added down the rows and slices that hold a row, then along it.
template <typename T>
void avg_pool_backward_lanes(const Array<const T, 5>& dy, T* dx, const LaneWindows& w,
                             const Divisors<T>& divisors) {
    constexpr int64_t W = width<T>;
    const int64_t OH = w.rows.out, OW = w.columns.out, D = w.depth.size, H = w.rows.size,
                  wide = w.columns.size;
    const int64_t planes = dy.shape[0] * dy.shape[1], groups = (planes - 1) / W + 1, step = plane_step(dy);
    const LaneCovers depth(w.depth), rows(w.rows), columns(w.columns);
    const int64_t most = 1 + kLaneRoom / (wide + OW / w.rows.stride), bands = (H - 1) / most + 1;
    const int64_t band = (H - 1) / bands + 1;
    parallel_for(groups * D * bands, row_grain(W * band * (wide + OW)), [&](int64_t begin, int64_t end) {
        const Scratch<T> turned(band * wide * W), line(OW * W);
        for (int64_t task = begin; task < end; ++task) {
            const int64_t plane = task / (D * bands) * W, lanes = at_most(W, planes - plane);
            const int64_t d = task / bands % D, top = task % bands * band, bottom = at_most(top + band, H);
            if (top >= bottom) continue;
            const int64_t p = rows[top].first, run = (rows[bottom - 1].last - p) * OW;
            const auto [z, last] = depth[d];
            const Scratch<T> share((last - z) * run * W);
            for (int64_t k = z; k < last; ++k) {
                T* to = share.data() + (k - z) * run * W;
                const int64_t first = (k * OH + p) * OW;
                turn(dy.data + plane * step + first, step, to, W, run, lanes);
                divide_lanes(divisors, w, first, run, to);
            }
            T* to = turned.data();
            for (int64_t h = top; h < bottom; ++h) {
                const auto [from, stop] = rows[h];
                const T* sums = share.data() + (from - p) * OW * W;
                if ((stop - from) * (last - z) != 1) {
                    for (int64_t q = 0; q < OW; ++q) {
                        vec<T> sum{};
                        for (int64_t k = 0; k < last - z; ++k)
                            for (int64_t r = 0; r < stop - from; ++r)
                                sum += load(sums + (k * run + r * OW + q) * W);
                        store(line.data() + q * W, sum);
                    }
                    sums = line.data();
                }
                for (int64_t c = 0; c < wide; ++c, to += W) {
                    const auto [q, after] = columns[c];
                    vec<T> sum{};
                    for (int64_t o = q; o < after; ++o) sum += load(sums + o * W);
                    store(to, sum);
                }
            }
            copy_columns(turned.data(), W, dx + plane * w.input() + (d * H + top) * wide, w.input(), lanes,
                         (bottom - top) * wide);
        }
    });
}

}  // namespace pydl::PYDL_ISA
