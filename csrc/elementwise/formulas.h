// Formulas of single elements that have a kernel of their own and may be a step of element_chain, which gives
// the same bits because it computes the same formula.
#pragma once
#include "simd/simd.h"

namespace pydl::PYDL_ISA::formula {

struct Add {
    template <typename V>
    PYDL_INLINE static V apply(V a, V b) {
        return a + b;
    }
};
struct Sub {
    template <typename V>
    PYDL_INLINE static V apply(V a, V b) {
        return a - b;
    }
};
struct Mul {
    template <typename V>
    PYDL_INLINE static V apply(V a, V b) {
        return a * b;
    }
};
struct Div {
    template <typename V>
    PYDL_INLINE static V apply(V a, V b) {
        return a / b;
    }
};
struct Maximum {
    template <typename V>
    PYDL_INLINE static V apply(V a, V b) {
        return max(a, b);
    }
};
struct Minimum {
    template <typename V>
    PYDL_INLINE static V apply(V a, V b) {
        return min(a, b);
    }
};
struct Neg {
    template <typename V>
    PYDL_INLINE static V apply(V x) {
        return -x;
    }
};
struct Abs {
    template <typename V>
    PYDL_INLINE static V apply(V x) {
        return abs(x);
    }
};
struct AbsBackward {
    template <typename V>
    PYDL_INLINE static V apply(V dy, V x) {
        return select(x > lane<V>(0), dy, select(x < lane<V>(0), -dy, V{}));
    }
};
struct Square {
    template <typename V>
    PYDL_INLINE static V apply(V x) {
        return x * x;
    }
};
struct SquareBackward {
    template <typename V>
    PYDL_INLINE static V apply(V dy, V x) {
        return lane<V>(2) * x * dy;
    }
};
struct Sqrt {
    template <typename V>
    PYDL_INLINE static V apply(V x) {
        return sqrt(x);
    }
};
struct SqrtBackward {
    template <typename V>
    PYDL_INLINE static V apply(V dy, V y) {
        return dy / (lane<V>(2) * y);
    }
};
// "x <= 0 ? 0 : x" and not max(x, 0): NaN compares false and stays.
struct Relu {
    template <typename V>
    PYDL_INLINE static V apply(V x) {
        return select(x <= lane<V>(0), V{}, x);
    }
};
struct ReluBackward {
    template <typename V>
    PYDL_INLINE static V apply(V dy, V y) {
        return select(y <= lane<V>(0), V{}, dy);
    }
};
struct Exp {
    template <typename V>
    PYDL_INLINE static V apply(V x) {
        return exp(x);
    }
};
struct Log {
    template <typename V>
    PYDL_INLINE static V apply(V x) {
        return log(x);
    }
};
struct Sigmoid {
    template <typename V>
    PYDL_INLINE static V apply(V x) {
        return sigmoid(x);
    }
};
struct SigmoidBackward {
    template <typename V>
    PYDL_INLINE static V apply(V dy, V y) {
        return dy * y * (lane<V>(1) - y);
    }
};
struct Tanh {
    template <typename V>
    PYDL_INLINE static V apply(V x) {
        return tanh(x);
    }
};
struct TanhBackward {
    template <typename V>
    PYDL_INLINE static V apply(V dy, V y) {
        return dy * (lane<V>(1) - y * y);
    }
};

}  // namespace pydl::PYDL_ISA::formula
