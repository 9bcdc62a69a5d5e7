// What one unit of a plain recurrent network does in a step. See pydl/ops/rnn_cell.py.
#pragma once

#include "recurrent/gates.h"
#include "recurrent/recurrent.h"

namespace pydl::PYDL_ISA {

template <typename T, bool Relu>
struct RnnUnits {
    static constexpr int gates = 1, sums = 1, kept = 0;
    static constexpr GateRun of_h[] = {{0, 0, 1}};
    static constexpr bool has_cell = false, dh_carries = false;

    template <bool Whole>
    PYDL_INLINE static void first(Lanes<T, Whole>, const UnitForward<T>&) {}

    template <bool Whole>
    PYDL_INLINE static void second(Lanes<T, Whole> lanes, const UnitForward<T>& unit) {
        const vec<T> a = lanes.read(unit.sums) + lanes.read(unit.bias);
        const vec<T> h = Relu ? select(a <= T(0), vec<T>{}, a) : gate_tanh<T>(a);
        lanes.write(unit.h, h);
        lanes.write(unit.h_out, h);
    }

    template <bool Whole>
    PYDL_INLINE static void backward(Lanes<T, Whole> lanes, const UnitBackward<T>& unit) {
        vec<T> dh = lanes.read(unit.dh);
        if (unit.dy) dh += lanes.read(unit.dy);
        const vec<T> h = lanes.read(unit.after);
        lanes.write(unit.dsums, Relu ? select(h <= T(0), vec<T>{}, dh) : dh * fma(-h, h, broadcast<T>(1)));
    }
};

}  // namespace pydl::PYDL_ISA
