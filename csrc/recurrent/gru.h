// What one unit of a GRU does in a step. See pydl/ops/gru_cell.py.
#pragma once

#include "recurrent/gates.h"
#include "recurrent/recurrent.h"

namespace pydl::PYDL_ISA {

template <typename T>
struct GruUnits {
    static constexpr int gates = 3;  // r z n
    static constexpr int sums = 4;   // of r, of z, of n its part from x, and m, its part from h
    static constexpr int kept = 4;   // r z n m
    static constexpr GateRun of_h[] = {{0, 0, 2}, {2, 3, 1}};
    static constexpr bool has_cell = false;
    static constexpr bool dh_carries = true;  // h = n + z (h_before - n)

    template <bool Whole>
    PYDL_INLINE static void first(Lanes<T, Whole> lanes, const UnitForward<T>& unit) {
        const vec<T> r = gate_sigmoid<T>(sum(lanes, unit, 0)), z = gate_sigmoid<T>(sum(lanes, unit, 1));
        const vec<T> m = sum(lanes, unit, 3);
        lanes.write(unit.sums, fma(r, m, sum(lanes, unit, 2)));
        lanes.write(unit.sums + unit.sum_stride, z);
        if (unit.kept) {
            lanes.write(unit.kept, r);
            lanes.write(unit.kept + unit.stride, z);
            lanes.write(unit.kept + 3 * unit.stride, m);
        }
    }

    template <bool Whole>
    PYDL_INLINE static void second(Lanes<T, Whole> lanes, const UnitForward<T>& unit) {
        const vec<T> n = gate_tanh<T>(lanes.read(unit.sums)), z = lanes.read(unit.sums + unit.sum_stride);
        const vec<T> h = fma(z, lanes.read(unit.h_before), (T(1) - z) * n);
        lanes.write(unit.h, h);
        lanes.write(unit.h_out, h);
        if (unit.kept) lanes.write(unit.kept + 2 * unit.stride, n);
    }

    template <bool Whole>
    PYDL_INLINE static void backward(Lanes<T, Whole> lanes, const UnitBackward<T>& unit) {
        const auto kept_at = [&](int k)
                                 PYDL_INLINE_LAMBDA { return lanes.read(unit.kept + k * unit.stride); };
        const vec<T> r = kept_at(0), z = kept_at(1), n = kept_at(2), m = kept_at(3);
        vec<T> dh = lanes.read(unit.dh);
        if (unit.dy) dh += lanes.read(unit.dy);
        const vec<T> dn = dh * (T(1) - z) * fma(-n, n, broadcast<T>(1));
        lanes.write(unit.dsums, dn * m * (r * (T(1) - r)));
        lanes.write(unit.dsums + unit.stride, dh * (lanes.read(unit.before) - n) * (z * (T(1) - z)));
        lanes.write(unit.dsums + 2 * unit.stride, dn);
        lanes.write(unit.dsums + 3 * unit.stride, dn * r);
        lanes.write(unit.dh, dh * z);
    }

  private:
    template <bool Whole>
    PYDL_INLINE static vec<T> sum(Lanes<T, Whole> lanes, const UnitForward<T>& unit, int k) {
        return lanes.read(unit.sums + k * unit.sum_stride) + lanes.read(unit.bias + k * unit.stride);
    }
};

}  // namespace pydl::PYDL_ISA
