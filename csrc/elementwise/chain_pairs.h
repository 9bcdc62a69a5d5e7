// Two operations as one step of element_chain.cpp, the first of them with a number: x * 2 + 1, (x - m) * y.
//
// The accumulator stays in registers, and of the two steps only one jumps, reads where its operands are and
// looks whether it has to load or to store. Each operation is rounded: compilers, which would make a
// multiply-add of a product and the sum behind it, know nothing about a vector that is in_register().
#pragma once
#include "elementwise/chain_steps.h"
#include "simd/register.h"

namespace pydl::PYDL_ISA {
namespace {

// acc = G(F(acc, operand), second) of two numbers
template <typename T, typename F, typename G>
[[gnu::aligned(64)]] void run_with_numbers(const Step<T>* step, int64_t i, vec<T> a0, vec<T> a1, vec<T> a2,
                                           vec<T> a3, vec<T> a4, vec<T> a5, vec<T> a6, vec<T> a7) {
    load_first(step, i, a0, a1, a2, a3, a4, a5, a6, a7);
    const vec<T> b = load(step->operand.data), c = load(step->second.data);
    a0 = G::apply(in_register(F::apply(a0, b)), c);
    a1 = G::apply(in_register(F::apply(a1, b)), c);
    a2 = G::apply(in_register(F::apply(a2, b)), c);
    a3 = G::apply(in_register(F::apply(a3, b)), c);
    a4 = G::apply(in_register(F::apply(a4, b)), c);
    a5 = G::apply(in_register(F::apply(a5, b)), c);
    a6 = G::apply(in_register(F::apply(a6, b)), c);
    a7 = G::apply(in_register(F::apply(a7, b)), c);
    return finish(step, i, a0, a1, a2, a3, a4, a5, a6, a7);
}

// The same where the second operand lies in an array or in a local.
template <typename T, typename F, typename G>
[[gnu::aligned(64)]] void run_with_number_and(const Step<T>* step, int64_t i, vec<T> a0, vec<T> a1, vec<T> a2,
                                              vec<T> a3, vec<T> a4, vec<T> a5, vec<T> a6, vec<T> a7) {
    load_first(step, i, a0, a1, a2, a3, a4, a5, a6, a7);
    const vec<T> b = load(step->operand.data);
    const T* p = step->second.of_block(i);
    constexpr int W = width<T>;
    a0 = G::apply(in_register(F::apply(a0, b)), load(p));
    a1 = G::apply(in_register(F::apply(a1, b)), load(p + W));
    a2 = G::apply(in_register(F::apply(a2, b)), load(p + 2 * W));
    a3 = G::apply(in_register(F::apply(a3, b)), load(p + 3 * W));
    a4 = G::apply(in_register(F::apply(a4, b)), load(p + 4 * W));
    a5 = G::apply(in_register(F::apply(a5, b)), load(p + 5 * W));
    a6 = G::apply(in_register(F::apply(a6, b)), load(p + 6 * W));
    a7 = G::apply(in_register(F::apply(a7, b)), load(p + 7 * W));
    return finish(step, i, a0, a1, a2, a3, a4, a5, a6, a7);
}

template <typename T, typename F, typename G>
PYDL_INLINE RunOf<T> pair(bool second_is_number) {
    return second_is_number ? run_with_numbers<T, F, G> : run_with_number_and<T, F, G>;
}

// The step that does what the first, which takes a number, and the second do, or null. Those that are usual,
// and of float: each pair takes room.
template <typename T>
RunOf<T> pair_of(const Operation<T>& first, const Operation<T>& second, bool second_is_number) {
    using formula::Add, formula::Sub, formula::Mul;
    if constexpr (std::is_same_v<T, float> && has_special_kernels) {
        const RunOf<T> f = first.run, g = second.run;
        if (f == run_binary<T, Mul>) {
            if (g == run_binary<T, Add>) return pair<T, Mul, Add>(second_is_number);
            if (g == run_binary<T, Sub>) return pair<T, Mul, Sub>(second_is_number);
            if (g == run_binary<T, Mul>) return pair<T, Mul, Mul>(second_is_number);
        } else if (g == run_binary<T, Mul>) {
            if (f == run_binary<T, Add>) return pair<T, Add, Mul>(second_is_number);
            if (f == run_binary<T, Sub>) return pair<T, Sub, Mul>(second_is_number);
            if (f == run_binary<T, Exchanged<Sub>>) return pair<T, Exchanged<Sub>, Mul>(second_is_number);
        }
    }
    return nullptr;
}

}  // namespace
}  // namespace pydl::PYDL_ISA
