// The phases of a gradient (conv2d/phase.h) whose pixels lie apart in dx, computed one after the other: each
// is an image of its own first, so that whole vectors are written, and all are merged row by row.
#pragma once

#include "conv2d/phase.h"
#include "conv2d/sparse.h"
#include "conv2d/tiling.h"

namespace pydl::PYDL_ISA {

template <typename T>
class PhaseImages {
  public:
    PhaseImages(const Conv2dShape& s, bool needed) : s_(s), numbers_(needed ? s.N * s.C * s.H * s.W : 0) {}

    // Of rows a, a + stride, ... and columns c, c + stride, ...
    Images<T> phase(int64_t a, int64_t c) const {
        Axis rows = s_.rows, columns = s_.columns;
        rows.outputs = count(s_.rows, a), columns.outputs = count(s_.columns, c);
        T* data = numbers_.data() +
                  s_.N * s_.C * (before(s_.rows, a) * s_.W + rows.outputs * before(s_.columns, c));
        return dense_images(data, s_.N, s_.C, rows, columns);
    }

    // dx, whose pixels of phases without taps are the bias.
    void merge(const T* bias, int64_t bias_stride, const Array<T, 4>& dx) const {
        const int64_t steps = phase_count(s_.columns), step = s_.columns.stride, across = dx.stride[3];
        parallel_for(s_.N * s_.C, 1 + 16384 / (s_.H * s_.W), [&](int64_t begin, int64_t end) {
            for (int64_t k = begin; k < end; k++) {
                const int64_t n = k / s_.C, channel = k % s_.C;
                T* plane = &dx(n, channel, 0, 0);
                if (has_gaps(s_.rows) || has_gaps(s_.columns))
                    fill_plane(plane, dx, bias != nullptr ? bias[channel * bias_stride] : T(0));
                for (int64_t a = 0; a < phase_count(s_.rows); a++)
                    for (int64_t c = 0; c < steps && meets(s_.rows, a); c++) {
                        if (!meets(s_.columns, c)) continue;
                        const Images<T> own = phase(a, c);
                        const T* from = own.at(n, channel);
                        for (int64_t i = 0; i < own.shape[2]; i++) {
                            T* to = plane + (a + i * s_.rows.stride) * dx.stride[2] + c * across;
                            for (int64_t j = 0; j < own.shape[3]; j++) to[j * step * across] = *from++;
                        }
                    }
            }
        });
    }

  private:
    static int64_t count(const Axis& axis, int64_t residue) {
        return (axis.source - 1 - residue) / axis.stride + 1;
    }
    // Pixels of the phases before this one.
    static int64_t before(const Axis& axis, int64_t residue) {
        const int64_t more = axis.source % axis.stride;
        return residue * (axis.source / axis.stride) + (residue < more ? residue : more);
    }
    static bool meets(const Axis& axis, int64_t residue) { return conv2d_phase(axis, residue).axis.taps > 0; }

    const Conv2dShape& s_;
    Scratch<T> numbers_;
};

}  // namespace pydl::PYDL_ISA
