// What one unit of an LSTM does in a step. See pydl/ops/lstm_cell.py.
#pragma once

#include "recurrent/gates.h"
#include "recurrent/recurrent.h"

namespace pydl::PYDL_ISA {

template <typename T>
struct LstmUnits {
    static constexpr int gates = 4, sums = 4, kept = 4;  // i f g o each time
    static constexpr GateRun of_h[] = {{0, 0, 4}};
    static constexpr bool has_cell = true;
    static constexpr bool dh_carries = false;  // all of dh before a step comes through the gates

    template <bool Whole>
    PYDL_INLINE static void first(Lanes<T, Whole> lanes, const UnitForward<T>& unit) {
        const auto sum = [&](int gate) PYDL_INLINE_LAMBDA {
            return lanes.read(unit.sums + gate * unit.sum_stride) +
                   lanes.read(unit.bias + gate * unit.stride);
        };
        const vec<T> i = gate_sigmoid<T>(sum(0)), f = gate_sigmoid<T>(sum(1)), g = gate_tanh<T>(sum(2));
        const vec<T> o = gate_sigmoid<T>(sum(3)), c = fma(f, lanes.read(unit.c), i * g);
        lanes.write(unit.c, c);
        lanes.write(unit.sums, o);
        if (unit.c_out) lanes.write(unit.c_out, c);
        if (unit.kept) {
            lanes.write(unit.kept, i);
            lanes.write(unit.kept + unit.stride, f);
            lanes.write(unit.kept + 2 * unit.stride, g);
            lanes.write(unit.kept + 3 * unit.stride, o);
        }
    }

    template <bool Whole>
    PYDL_INLINE static void second(Lanes<T, Whole> lanes, const UnitForward<T>& unit) {
        const vec<T> h = lanes.read(unit.sums) * gate_tanh<T>(lanes.read(unit.c));
        lanes.write(unit.h, h);
        lanes.write(unit.h_out, h);
    }

    template <bool Whole>
    PYDL_INLINE static void backward(Lanes<T, Whole> lanes, const UnitBackward<T>& unit) {
        const auto gate = [&](int k) PYDL_INLINE_LAMBDA { return lanes.read(unit.kept + k * unit.stride); };
        const vec<T> i = gate(0), f = gate(1), g = gate(2), o = gate(3);
        vec<T> dh = lanes.read(unit.dh);
        if (unit.dy) dh += lanes.read(unit.dy);
        const vec<T> squashed = gate_tanh<T>(lanes.read(unit.after));
        const vec<T> dc = fma(dh * o, fma(-squashed, squashed, broadcast<T>(1)), lanes.read(unit.dc));
        lanes.write(unit.dsums, dc * g * (i * (T(1) - i)));
        lanes.write(unit.dsums + unit.stride, dc * lanes.read(unit.before) * (f * (T(1) - f)));
        lanes.write(unit.dsums + 2 * unit.stride, dc * i * fma(-g, g, broadcast<T>(1)));
        lanes.write(unit.dsums + 3 * unit.stride, dh * squashed * (o * (T(1) - o)));
        lanes.write(unit.dc, dc * f);
    }
};

}  // namespace pydl::PYDL_ISA
