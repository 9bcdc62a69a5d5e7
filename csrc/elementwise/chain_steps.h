// The steps of element_chain.cpp.
//
// The accumulator is eight vectors. Each step is a function that takes it in registers, does its part to all
// eight and ends by calling the function of the next step, which compilers make a jump: between two steps
// nothing goes through memory, and what a jump costs is shared by eight vectors.
//
// A jump to a step that changes costs processors more than a load or a store of eight vectors, so a step may
// also load the accumulator before its operation, and store it afterwards:
//
//     [load x, multiply by 2] -> [add 1, store y] -> [end]
//
// And what an operation does with a number may be followed by a second operation: see chain_pairs.h.
//
// Steps begin where a line of the cache does: what a jump costs would otherwise depend on what lies before
// them.
#pragma once
#include "elementwise/formulas.h"
#include "simd/past_caches.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int kVectors = 8;

template <typename T>
inline constexpr int64_t block = kVectors * width<T>;

template <typename T>
struct Operand {
    T* data;
    int64_t advance;  // 1 for arrays, 0 for what is the same memory in every block

    PYDL_INLINE T* of_block(int64_t i) const { return data + i * advance; }
};

template <typename T>
struct Step {
    // i: the first element of the block.
    using Run = void (*)(const Step* step, int64_t i, vec<T> a0, vec<T> a1, vec<T> a2, vec<T> a3, vec<T> a4,
                         vec<T> a5, vec<T> a6, vec<T> a7);
    Run run;
    Operand<T> operand;
    Operand<T> second;         // of the second operation of a pair
    Operand<T> first, result;  // what the accumulator is loaded from and stored to, where data is not null
};

template <typename T>
using RunOf = typename Step<T>::Run;

template <typename T>
PYDL_INLINE void load_first(const Step<T>* step, int64_t i, vec<T>& a0, vec<T>& a1, vec<T>& a2, vec<T>& a3,
                            vec<T>& a4, vec<T>& a5, vec<T>& a6, vec<T>& a7) {
    if (__builtin_expect(step->first.data == nullptr, 1)) return;
    const T* p = step->first.of_block(i);
    constexpr int W = width<T>;
    a0 = load(p);
    a1 = load(p + W);
    a2 = load(p + 2 * W);
    a3 = load(p + 3 * W);
    a4 = load(p + 4 * W);
    a5 = load(p + 5 * W);
    a6 = load(p + 6 * W);
    a7 = load(p + 7 * W);
}

// The last part of every step.
template <typename T>
PYDL_INLINE void finish(const Step<T>* step, int64_t i, vec<T> a0, vec<T> a1, vec<T> a2, vec<T> a3, vec<T> a4,
                        vec<T> a5, vec<T> a6, vec<T> a7) {
    if (__builtin_expect(step->result.data != nullptr, 0)) {
        T* p = step->result.of_block(i);
        constexpr int W = width<T>;
        store(p, a0);
        store(p + W, a1);
        store(p + 2 * W, a2);
        store(p + 3 * W, a3);
        store(p + 4 * W, a4);
        store(p + 5 * W, a5);
        store(p + 6 * W, a6);
        store(p + 7 * W, a7);
    }
    return step[1].run(step + 1, i, a0, a1, a2, a3, a4, a5, a6, a7);
}

// acc = F(acc, operand), which lies in an array or in a local
template <typename T, typename F>
[[gnu::aligned(64)]] void run_binary(const Step<T>* step, int64_t i, vec<T> a0, vec<T> a1, vec<T> a2,
                                     vec<T> a3, vec<T> a4, vec<T> a5, vec<T> a6, vec<T> a7) {
    load_first(step, i, a0, a1, a2, a3, a4, a5, a6, a7);
    const T* p = step->operand.of_block(i);
    constexpr int W = width<T>;
    a0 = F::apply(a0, load(p));
    a1 = F::apply(a1, load(p + W));
    a2 = F::apply(a2, load(p + 2 * W));
    a3 = F::apply(a3, load(p + 3 * W));
    a4 = F::apply(a4, load(p + 4 * W));
    a5 = F::apply(a5, load(p + 5 * W));
    a6 = F::apply(a6, load(p + 6 * W));
    a7 = F::apply(a7, load(p + 7 * W));
    return finish(step, i, a0, a1, a2, a3, a4, a5, a6, a7);
}

// The same where the operand is one number, of which there is a vector of copies.
template <typename T, typename F>
[[gnu::aligned(64)]] void run_with_number(const Step<T>* step, int64_t i, vec<T> a0, vec<T> a1, vec<T> a2,
                                          vec<T> a3, vec<T> a4, vec<T> a5, vec<T> a6, vec<T> a7) {
    load_first(step, i, a0, a1, a2, a3, a4, a5, a6, a7);
    const vec<T> b = load(step->operand.data);
    a0 = F::apply(a0, b);
    a1 = F::apply(a1, b);
    a2 = F::apply(a2, b);
    a3 = F::apply(a3, b);
    a4 = F::apply(a4, b);
    a5 = F::apply(a5, b);
    a6 = F::apply(a6, b);
    a7 = F::apply(a7, b);
    return finish(step, i, a0, a1, a2, a3, a4, a5, a6, a7);
}

// acc = F(acc)
template <typename T, typename F>
[[gnu::aligned(64)]] void run_unary(const Step<T>* step, int64_t i, vec<T> a0, vec<T> a1, vec<T> a2,
                                    vec<T> a3, vec<T> a4, vec<T> a5, vec<T> a6, vec<T> a7) {
    load_first(step, i, a0, a1, a2, a3, a4, a5, a6, a7);
    a0 = F::apply(a0);
    a1 = F::apply(a1);
    a2 = F::apply(a2);
    a3 = F::apply(a3);
    a4 = F::apply(a4);
    a5 = F::apply(a5);
    a6 = F::apply(a6);
    a7 = F::apply(a7);
    return finish(step, i, a0, a1, a2, a3, a4, a5, a6, a7);
}

// The same for long formulas, of which eight copies would take more room than the loop takes time.
template <typename T, typename F>
[[gnu::aligned(64)]] void run_long_unary(const Step<T>* step, int64_t i, vec<T> a0, vec<T> a1, vec<T> a2,
                                         vec<T> a3, vec<T> a4, vec<T> a5, vec<T> a6, vec<T> a7) {
    load_first(step, i, a0, a1, a2, a3, a4, a5, a6, a7);
    vec<T> a[kVectors] = {a0, a1, a2, a3, a4, a5, a6, a7};
#pragma GCC unroll 1
    for (int k = 0; k < kVectors; ++k) a[k] = F::apply(a[k]);
    return finish(step, i, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
}

// Only what every step does.
template <typename T>
[[gnu::aligned(64)]] void run_copy(const Step<T>* step, int64_t i, vec<T> a0, vec<T> a1, vec<T> a2, vec<T> a3,
                                   vec<T> a4, vec<T> a5, vec<T> a6, vec<T> a7) {
    load_first(step, i, a0, a1, a2, a3, a4, a5, a6, a7);
    return finish(step, i, a0, a1, a2, a3, a4, a5, a6, a7);
}

template <typename T>
[[gnu::aligned(64)]] void run_store_past_caches(const Step<T>* step, int64_t i, vec<T> a0, vec<T> a1,
                                                vec<T> a2, vec<T> a3, vec<T> a4, vec<T> a5, vec<T> a6,
                                                vec<T> a7) {
    load_first(step, i, a0, a1, a2, a3, a4, a5, a6, a7);
    T* p = step->operand.data + i;
    constexpr int W = width<T>;
    store_past_caches(p, a0);
    store_past_caches(p + W, a1);
    store_past_caches(p + 2 * W, a2);
    store_past_caches(p + 3 * W, a3);
    store_past_caches(p + 4 * W, a4);
    store_past_caches(p + 5 * W, a5);
    store_past_caches(p + 6 * W, a6);
    store_past_caches(p + 7 * W, a7);
    return finish(step, i, a0, a1, a2, a3, a4, a5, a6, a7);
}

template <typename T>
[[gnu::aligned(64)]] void run_end(const Step<T>*, int64_t, vec<T>, vec<T>, vec<T>, vec<T>, vec<T>, vec<T>,
                                  vec<T>, vec<T>) {}

// F with its arguments exchanged.
template <typename F>
struct Exchanged {
    template <typename V>
    PYDL_INLINE static V apply(V a, V b) {
        return F::apply(b, a);
    }
};

enum StepKind { kLoad, kStore, kUnary, kBinary };

template <typename T>
struct Operation {
    RunOf<T> run, run_with_number;
    StepKind kind;
};
template <typename T, typename F>
constexpr Operation<T> binary = {run_binary<T, F>, run_with_number<T, F>, kBinary};
template <typename T, typename F>
constexpr Operation<T> long_unary = {run_long_unary<T, F>, run_long_unary<T, F>, kUnary};
template <typename T, typename F>
constexpr Operation<T> unary = {run_unary<T, F>, run_unary<T, F>, kUnary};

// In the order of OPERATIONS in pydl/recording/element_chain.py.
template <typename T>
constexpr Operation<T> operations[] = {
    {run_copy<T>, run_copy<T>, kLoad},
    {run_copy<T>, run_copy<T>, kStore},
    binary<T, formula::Add>,
    binary<T, formula::Sub>,
    binary<T, Exchanged<formula::Sub>>,
    binary<T, formula::Mul>,
    binary<T, formula::Div>,
    binary<T, Exchanged<formula::Div>>,
    binary<T, formula::Maximum>,
    binary<T, Exchanged<formula::Maximum>>,
    binary<T, formula::Minimum>,
    binary<T, Exchanged<formula::Minimum>>,
    unary<T, formula::Neg>,
    unary<T, formula::Abs>,
    binary<T, formula::AbsBackward>,
    binary<T, Exchanged<formula::AbsBackward>>,
    unary<T, formula::Square>,
    binary<T, formula::SquareBackward>,
    binary<T, Exchanged<formula::SquareBackward>>,
    unary<T, formula::Sqrt>,
    binary<T, formula::SqrtBackward>,
    binary<T, Exchanged<formula::SqrtBackward>>,
    unary<T, formula::Relu>,
    binary<T, formula::ReluBackward>,
    binary<T, Exchanged<formula::ReluBackward>>,
    long_unary<T, formula::Exp>,
    long_unary<T, formula::Log>,
    long_unary<T, formula::Sigmoid>,
    binary<T, formula::SigmoidBackward>,
    binary<T, Exchanged<formula::SigmoidBackward>>,
    long_unary<T, formula::Tanh>,
    binary<T, formula::TanhBackward>,
    binary<T, Exchanged<formula::TanhBackward>>,
};
template <typename T>
constexpr int operation_count = sizeof(operations<T>) / sizeof(operations<T>[0]);

}  // namespace
}  // namespace pydl::PYDL_ISA
