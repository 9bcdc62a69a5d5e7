// element_chain: a program of element-by-element operations, run in registers.
// See pydl/recording/element_chain.py.
//
// The accumulator is eight vectors. Each step is a function that takes it in registers, does its part to all
// eight and ends by calling the function of the next step, which compilers make a jump: between two steps
// nothing goes through memory, and what a jump costs is shared by eight vectors.
//
//     [load x] -> [multiply by 2] -> [add 1] -> [store y] -> [end]
#include "element_formulas.h"
#include "elementwise.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int kVectors = 8;
constexpr int kInputs = 12, kOutputs = 3, kLocals = 8, kSteps = 96;

template <typename T>
inline constexpr int64_t block = kVectors * width<T>;

template <typename T>
struct Step {
    // i: the first element of the block.
    using Run = void (*)(const Step* step, int64_t i, vec<T> a0, vec<T> a1, vec<T> a2, vec<T> a3, vec<T> a4,
                         vec<T> a5, vec<T> a6, vec<T> a7);
    Run run;
    T* data;
    int64_t advance;  // 1 for arrays, 0 for what is the same memory in every block
};

template <typename T>
using RunOf = typename Step<T>::Run;

// acc = F(acc, operand), which lies in an array or in a local
template <typename T, typename F>
void run_binary(const Step<T>* step, int64_t i, vec<T> a0, vec<T> a1, vec<T> a2, vec<T> a3, vec<T> a4,
                vec<T> a5, vec<T> a6, vec<T> a7) {
    const T* p = step->data + i * step->advance;
    constexpr int W = width<T>;
    a0 = F::apply(a0, load(p));
    a1 = F::apply(a1, load(p + W));
    a2 = F::apply(a2, load(p + 2 * W));
    a3 = F::apply(a3, load(p + 3 * W));
    a4 = F::apply(a4, load(p + 4 * W));
    a5 = F::apply(a5, load(p + 5 * W));
    a6 = F::apply(a6, load(p + 6 * W));
    a7 = F::apply(a7, load(p + 7 * W));
    return step[1].run(step + 1, i, a0, a1, a2, a3, a4, a5, a6, a7);
}

// The same where the operand is one number, of which there is a vector of copies.
template <typename T, typename F>
void run_with_number(const Step<T>* step, int64_t i, vec<T> a0, vec<T> a1, vec<T> a2, vec<T> a3, vec<T> a4,
                     vec<T> a5, vec<T> a6, vec<T> a7) {
    const vec<T> b = load(step->data);
    a0 = F::apply(a0, b);
    a1 = F::apply(a1, b);
    a2 = F::apply(a2, b);
    a3 = F::apply(a3, b);
    a4 = F::apply(a4, b);
    a5 = F::apply(a5, b);
    a6 = F::apply(a6, b);
    a7 = F::apply(a7, b);
    return step[1].run(step + 1, i, a0, a1, a2, a3, a4, a5, a6, a7);
}

// acc = F(acc)
template <typename T, typename F>
void run_unary(const Step<T>* step, int64_t i, vec<T> a0, vec<T> a1, vec<T> a2, vec<T> a3, vec<T> a4,
               vec<T> a5, vec<T> a6, vec<T> a7) {
    a0 = F::apply(a0);
    a1 = F::apply(a1);
    a2 = F::apply(a2);
    a3 = F::apply(a3);
    a4 = F::apply(a4);
    a5 = F::apply(a5);
    a6 = F::apply(a6);
    a7 = F::apply(a7);
    return step[1].run(step + 1, i, a0, a1, a2, a3, a4, a5, a6, a7);
}

// The same for long formulas, of which eight copies would take more room than the loop takes time.
template <typename T, typename F>
void run_long_unary(const Step<T>* step, int64_t i, vec<T> a0, vec<T> a1, vec<T> a2, vec<T> a3, vec<T> a4,
                    vec<T> a5, vec<T> a6, vec<T> a7) {
    vec<T> a[kVectors] = {a0, a1, a2, a3, a4, a5, a6, a7};
#pragma GCC unroll 1
    for (int k = 0; k < kVectors; ++k) a[k] = F::apply(a[k]);
    return step[1].run(step + 1, i, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
}

template <typename T>
void run_store(const Step<T>* step, int64_t i, vec<T> a0, vec<T> a1, vec<T> a2, vec<T> a3, vec<T> a4,
               vec<T> a5, vec<T> a6, vec<T> a7) {
    T* p = step->data + i * step->advance;
    constexpr int W = width<T>;
    store(p, a0);
    store(p + W, a1);
    store(p + 2 * W, a2);
    store(p + 3 * W, a3);
    store(p + 4 * W, a4);
    store(p + 5 * W, a5);
    store(p + 6 * W, a6);
    store(p + 7 * W, a7);
    return step[1].run(step + 1, i, a0, a1, a2, a3, a4, a5, a6, a7);
}

template <typename T>
void run_store_past_caches(const Step<T>* step, int64_t i, vec<T> a0, vec<T> a1, vec<T> a2, vec<T> a3,
                           vec<T> a4, vec<T> a5, vec<T> a6, vec<T> a7) {
    T* p = step->data + i;
    constexpr int W = width<T>;
    store_past_caches(p, a0);
    store_past_caches(p + W, a1);
    store_past_caches(p + 2 * W, a2);
    store_past_caches(p + 3 * W, a3);
    store_past_caches(p + 4 * W, a4);
    store_past_caches(p + 5 * W, a5);
    store_past_caches(p + 6 * W, a6);
    store_past_caches(p + 7 * W, a7);
    return step[1].run(step + 1, i, a0, a1, a2, a3, a4, a5, a6, a7);
}

// Asks for what the steps of a later block read.
template <typename T>
void run_prefetch(const Step<T>* step, int64_t i, vec<T> a0, vec<T> a1, vec<T> a2, vec<T> a3, vec<T> a4,
                  vec<T> a5, vec<T> a6, vec<T> a7) {
    const T* p = step->data + i + 4096 / sizeof(T);
#pragma GCC unroll 8
    for (int k = 0; k < block<T>; k += 64 / int(sizeof(T))) prefetch(p + k);
    return step[1].run(step + 1, i, a0, a1, a2, a3, a4, a5, a6, a7);
}

template <typename T>
void run_end(const Step<T>*, int64_t, vec<T>, vec<T>, vec<T>, vec<T>, vec<T>, vec<T>, vec<T>, vec<T>) {}

struct Load {
    template <typename V>
    PYDL_INLINE static V apply(V, V b) {
        return b;
    }
};
// F with its arguments exchanged.
template <typename F>
struct Exchanged {
    template <typename V>
    PYDL_INLINE static V apply(V a, V b) {
        return F::apply(b, a);
    }
};

enum Kind { kBinary, kUnary, kStore };

template <typename T>
struct Operation {
    RunOf<T> run, run_with_number;
    Kind kind;
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
    binary<T, Load>,
    {run_store<T>, run_store<T>, kStore},
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

// Places that a step may name: inputs, outputs, locals.
constexpr int kFirstOutput = kInputs, kFirstLocal = kFirstOutput + kOutputs, kPlaces = kFirstLocal + kLocals;

template <typename T>
class Program {
  public:
    Program(const Array<const int64_t, 2>& steps, const Optional<Array<const T, 1>> (&x)[kInputs],
            const Optional<Array<T, 1>> (&y)[kOutputs])
        : steps_(steps) {
        const char* message = "element_chain: program names what there is not";
        require(steps.shape[0] <= kSteps && steps.shape[1] == 2, message);
        size = y[0]->shape[0];
        for (int k = 0; k < kInputs; ++k)
            if (x[k]) take(k, const_cast<T*>(x[k]->data), x[k]->shape[0], x[k]->stride[0], true);
        for (int k = 0; k < kOutputs; ++k)
            if (y[k]) take(kFirstOutput + k, y[k]->data, y[k]->shape[0], y[k]->stride[0], false);
        for (int64_t s = 0; s < steps.shape[0]; ++s) {
            const int64_t place = steps(s, 1);
            require(steps(s, 0) >= 0 && steps(s, 0) < operation_count<T>, message);
            const Kind kind = operations<T>[steps(s, 0)].kind;
            if (kind == kUnary) continue;
            require(place >= 0 && place < kPlaces, message);
            require(place >= kFirstLocal || data_[place] != nullptr, message);
            if (kind == kStore) require(place >= kFirstOutput, message);
        }
    }

    // The elements [begin, end), both multiples of a block.
    void run(int64_t begin, int64_t end) const {
        if (begin == end) return;
        alignas(64) T locals[kLocals * block<T>], copies[kInputs * width<T>];
        Step<T> steps[kSteps + kInputs + 1];
        const bool past_caches = size * int64_t(sizeof(T)) >= kPastCaches;
        int count = 0;
        for (int k = 0; k < kInputs; ++k)
            if (data_[k] != nullptr && !single_[k]) steps[count++] = {run_prefetch<T>, data_[k], 1};
        resolve(steps + count, locals, copies, past_caches ? run_store_past_caches<T> : nullptr,
                [&](int64_t place) { return data_[place]; });
        for (int64_t i = begin; i < end; i += block<T>) start(steps, i);
        if (past_caches) finish_past_caches();
    }

    // What is left behind the last whole block, in memory that has room for one.
    void run_rest() const {
        const int64_t whole = size / block<T> * block<T>, rest = size - whole;
        if (rest == 0) return;
        alignas(64) T locals[kLocals * block<T>], copies[kInputs * width<T>];
        alignas(64) T parts[kFirstLocal][block<T>];
        Step<T> steps[kSteps + 1];
        for (int k = 0; k < kFirstLocal; ++k)
            for (int64_t i = 0; i < block<T>; ++i)
                parts[k][i] = data_[k] != nullptr && !single_[k] && i < rest ? data_[k][whole + i] : T(0);
        resolve(steps, locals, copies, nullptr, [&](int64_t place) { return parts[place]; });
        start(steps, 0);
        for (int k = kFirstOutput; k < kFirstLocal; ++k)
            if (data_[k] != nullptr)
                for (int64_t i = 0; i < rest; ++i) data_[k][whole + i] = parts[k][i];
    }

    int64_t size;

  private:
    void take(int place, T* data, int64_t count, int64_t stride, bool may_be_single) {
        single_[place] = may_be_single && count == 1;
        require(single_[place] || (count == size && (stride == 1 || count < 2)),
                "element_chain: arrays must be contiguous and of one size; inputs may be single numbers");
        data_[place] = data;
    }

    static void start(const Step<T>* steps, int64_t i) {
        const vec<T> zero{};
        steps->run(steps, i, zero, zero, zero, zero, zero, zero, zero, zero);
    }

    // The steps with their addresses; at(place) is that of an array.
    template <typename At>
    void resolve(Step<T>* out, T* locals, T* copies, RunOf<T> store_apart, const At& at) const {
        constexpr int W = width<T>;
        for (int k = 0; k < kInputs; ++k)
            if (single_[k]) store(copies + k * W, broadcast<T>(*data_[k]));
        for (int64_t s = 0; s < steps_.shape[0]; ++s, ++out) {
            const Operation<T>& operation = operations<T>[steps_(s, 0)];
            const int64_t place = steps_(s, 1);
            *out = {operation.run, locals, 0};
            if (operation.kind == kUnary) continue;
            if (place >= kFirstLocal) {
                *out = {operation.run, locals + (place - kFirstLocal) * block<T>, 0};
            } else if (single_[place]) {
                *out = {operation.run_with_number, copies + place * W, 0};
            } else {
                T* data = at(place);
                const bool apart = operation.kind == kStore && store_apart != nullptr &&
                                   reinterpret_cast<intptr_t>(data) % PYDL_VECTOR_BYTES == 0;
                *out = {apart ? store_apart : operation.run, data, 1};
            }
        }
        *out = {run_end<T>, nullptr, 0};
    }

    const Array<const int64_t, 2>& steps_;
    T* data_[kFirstLocal] = {};
    bool single_[kFirstLocal] = {};
};

}  // namespace

template <typename T>
void element_chain(Array<const int64_t, 2> program, Optional<Array<const T, 1>> x0,
                   Optional<Array<const T, 1>> x1, Optional<Array<const T, 1>> x2,
                   Optional<Array<const T, 1>> x3, Optional<Array<const T, 1>> x4,
                   Optional<Array<const T, 1>> x5, Optional<Array<const T, 1>> x6,
                   Optional<Array<const T, 1>> x7, Optional<Array<const T, 1>> x8,
                   Optional<Array<const T, 1>> x9, Optional<Array<const T, 1>> x10,
                   Optional<Array<const T, 1>> x11, Array<T, 1> y0, Optional<Array<T, 1>> y1,
                   Optional<Array<T, 1>> y2) {
    const Program<T> steps(program, {x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11}, {{y0, true}, y1, y2});
    const int64_t blocks = steps.size / block<T>;
    parallel_for(blocks, kElementwiseGrain / block<T>,
                 [&](int64_t begin, int64_t end) { steps.run(begin * block<T>, end * block<T>); });
    steps.run_rest();
}
PYDL_KERNEL(element_chain, "program, x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, y0, y1, y2")

}  // namespace pydl::PYDL_ISA
