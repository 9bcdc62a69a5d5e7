// element_chain: a program of element-by-element operations, run in registers.
// See pydl/recording/element_chain.py.
#include "elementwise/chain_pairs.h"
#include "elementwise/plan.h"
#include "kernel.h"
#include "parallel.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int kInputs = 12, kOutputs = 3, kLocals = 8, kSteps = 96;

// Places that a step may name: inputs, outputs, locals.
constexpr int kFirstOutput = kInputs, kFirstLocal = kFirstOutput + kOutputs, kPlaces = kFirstLocal + kLocals;

// Bytes that inputs are fetched ahead where results are written past the caches: each hinders the other least
// if memory has long known what is to be read.
constexpr int64_t kAhead = 8192;

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
            const StepKind kind = operations<T>[steps(s, 0)].kind;
            if (kind == kUnary) continue;
            require(place >= 0 && place < kPlaces, message);
            require(place >= kFirstLocal || data_[place] != nullptr, message);
            if (kind == kStore) require(place >= kFirstOutput, message);
        }
    }

    // The elements [begin, end), both multiples of a block.
    void run(int64_t begin, int64_t end) const {
        if (begin == end) return;
        alignas(64) T locals[kLocals * block<T>], copies[kInputs * block<T>];
        Step<T> steps[kSteps + 1];
        const bool past_caches = size * int64_t(sizeof(T)) >= kPastCaches;
        resolve(steps, locals, copies, past_caches, [&](int64_t place) { return data_[place]; });
        for (int64_t i = begin; i < end; i += block<T>) {
            if (past_caches) fetch(i + kAhead / int64_t(sizeof(T)));
            start(steps, i);
        }
        if (past_caches) finish_past_caches();
    }

    // What is left behind the last whole block, in memory that has room for one.
    void run_rest() const {
        const int64_t whole = size / block<T> * block<T>, rest = size - whole;
        if (rest == 0) return;
        alignas(64) T locals[kLocals * block<T>], copies[kInputs * block<T>];
        alignas(64) T parts[kFirstLocal][block<T>];
        Step<T> steps[kSteps + 1];
        for (int k = 0; k < kFirstLocal; ++k)
            for (int64_t i = 0; i < block<T>; ++i)
                parts[k][i] = data_[k] != nullptr && !single_[k] && i < rest ? data_[k][whole + i] : T(0);
        resolve(steps, locals, copies, false, [&](int64_t place) { return parts[place]; });
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

    // Asks for a block of every input, or for what lies behind them, which does no harm. Always inline:
    // compilers take it for a function that does nothing.
    PYDL_INLINE void fetch(int64_t i) const {
        for (int k = 0; k < kInputs; ++k)
            if (data_[k] != nullptr && !single_[k])
                for (int64_t j = 0; j < block<T>; j += 64 / sizeof(T)) prefetch(data_[k] + i + j);
    }

    static void start(const Step<T>* steps, int64_t i) {
        const vec<T> zero{};
        steps->run(steps, i, zero, zero, zero, zero, zero, zero, zero, zero);
    }

    // The steps with their addresses; at(place) is that of an array. Loads become part of the step that
    // follows, stores and some operations of the step before.
    template <typename At>
    void resolve(Step<T>* out, T* locals, T* copies, bool past_caches, const At& at) const {
        for (int k = 0; k < kInputs; ++k)
            for (int i = 0; single_[k] && i < kVectors; ++i)
                store(copies + k * block<T> + i * width<T>, broadcast<T>(*data_[k]));
        const auto operand_at = [&](int64_t place) -> Operand<T> {
            if (place >= kFirstLocal) return {locals + (place - kFirstLocal) * block<T>, 0};
            if (single_[place]) return {copies + place * block<T>, 0};
            return {at(place), 1};
        };
        Operand<T> first{};
        const Step<T>* begin = out;
        const Operation<T>* before = nullptr;  // of the last step, if it may become the first of a pair
        for (int64_t s = 0; s < steps_.shape[0]; ++s) {
            const Operation<T>& operation = operations<T>[steps_(s, 0)];
            const int64_t place = steps_(s, 1);
            const bool has_operand = operation.kind != kUnary;
            const Operand<T> operand = has_operand ? operand_at(place) : Operand<T>{};
            if (operation.kind == kLoad) {
                first = operand;
                continue;
            }
            const bool is_number = has_operand && place < kFirstLocal && single_[place];
            if (before != nullptr && first.data == nullptr)
                if (const RunOf<T> both = pair_of(*before, operation, is_number)) {
                    out[-1].run = both;
                    out[-1].second = operand;
                    before = nullptr;
                    continue;
                }
            before = nullptr;
            Step<T> step = {operation.run, operand, {}, first, {}};
            if (operation.kind == kStore) {
                const bool apart = past_caches && operand.advance == 1 &&
                                   reinterpret_cast<intptr_t>(operand.data) % PYDL_VECTOR_BYTES == 0;
                if (!apart && first.data == nullptr && out > begin && out[-1].result.data == nullptr) {
                    out[-1].result = operand;
                    continue;
                }
                if (apart)
                    step.run = run_store_past_caches<T>;
                else
                    step.result = operand;
            } else if (is_number) {
                step.run = operation.run_with_number;
                before = &operation;
            }
            *out++ = step;
            first = {};
        }
        *out = {run_end<T>, {}, {}, {}, {}};
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
