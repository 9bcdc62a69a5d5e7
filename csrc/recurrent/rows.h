// Which rows of the batch a thread takes through time, and which of them take part in a step.
#pragma once

#include "recurrent/recurrent.h"
#include "runtime/threads.h"

namespace pydl::PYDL_ISA {

// Puts the rows of `from` into `to`, the longest sequence first. alive[t]: how many of them have a step t.
inline void sort_by_length(const Batch& batch, const int64_t* from, int64_t count, int64_t* to,
                           int64_t* alive) {
    const int64_t T_ = batch.steps();
    fill_run(alive, int64_t(0), T_ + 1);
    for (int64_t i = 0; i < count; i++) alive[batch.length(from[i])]++;
    int64_t longer = 0;
    for (int64_t t = T_; t >= 0; t--) {
        const int64_t as_long = alive[t];
        alive[t] = longer;
        longer += as_long;
    }
    // The places of the rows of length t begin at alive[t]; counting them up and down again keeps alive.
    for (int64_t i = 0; i < count; i++) to[alive[batch.length(from[i])]++] = from[i];
    for (int64_t i = 0; i < count; i++) alive[batch.length(from[i])]--;
}

// All rows of a batch, dealt like cards: any run of positions holds long and short sequences alike, so that
// threads that share the positions have the same work.
class Deal {
  public:
    explicit Deal(const Batch& batch) : row_(batch.rows()) {
        const int64_t B = batch.rows();
        for (int64_t b = 0; b < B; b++) row_[b] = b;
        if (!batch.ragged()) return;
        constexpr int64_t hands = 8;
        const Scratch<int64_t> sorted(B), alive(batch.steps() + 1);
        sort_by_length(batch, row_.data(), B, sorted.data(), alive.data());
        int64_t position = 0;
        for (int64_t hand = 0; hand < hands; hand++)
            for (int64_t rank = hand; rank < B; rank += hands) row_[position++] = sorted[rank];
    }
    const int64_t* operator()(int64_t position) const { return row_.data() + position; }

  private:
    Scratch<int64_t> row_;
};

// Places one behind another for the rows (t, b) of a batch that are no padding: step by step, and in each
// step those of the longest sequences first, so that the rows that a thread has to itself follow each other.
class LiveRows {
  public:
    explicit LiveRows(const Batch& batch)
        : rows_(batch.rows()),
          ragged_(batch.ragged()),
          count_(batch.steps() * rows_),
          rank_(ragged_ ? rows_ : 0),
          first_(ragged_ ? batch.steps() + 1 : 0) {
        if (!ragged_) return;
        const Scratch<int64_t> row(rows_), sorted(rows_);
        for (int64_t b = 0; b < rows_; b++) row[b] = b;
        sort_by_length(batch, row.data(), rows_, sorted.data(), first_.data());
        for (int64_t i = 0; i < rows_; i++) rank_[sorted[i]] = i;
        count_ = 0;
        for (int64_t t = 0; t < batch.steps(); t++) {
            const int64_t alive = first_[t];
            first_[t] = count_;
            count_ += alive;
        }
    }
    int64_t count() const { return count_; }
    int64_t operator()(int64_t t, int64_t b) const { return ragged_ ? first_[t] + rank_[b] : t * rows_ + b; }

    // f(t, b, place) for all of them, in parallel. grain: of sequences and steps.
    template <typename F>
    void for_each(const Batch& batch, int64_t grain, const F& f) const {
        parallel_for(batch.steps() * rows_, grain, [&](int64_t begin, int64_t end) {
            for (int64_t row = begin; row < end; row++) {
                const int64_t t = row / rows_, b = row % rows_;
                if (t < batch.length(b)) f(t, b, (*this)(t, b));
            }
        });
    }

  private:
    int64_t rows_;
    bool ragged_;
    int64_t count_;
    Scratch<int64_t> rank_, first_;
};

// A thread's own rows. Those that take part in a step come first.
class OwnRows {
  public:
    OwnRows(const Batch& batch, const int64_t* rows, int64_t count)
        : count_(count), row_(count), alive_(batch.steps() + 1) {
        sort_by_length(batch, rows, count, row_.data(), alive_.data());
    }
    int64_t count() const { return count_; }
    int64_t operator[](int64_t i) const { return row_[i]; }
    int64_t alive(int64_t t) const { return alive_[t]; }

  private:
    int64_t count_;
    Scratch<int64_t> row_, alive_;
};

// Rows that go together: of fewer a second thread costs more than it brings. So few that each part would read
// the weights for little are not cut into more parts than threads. work: multiply-adds of a row in a step.
inline int64_t rows_grain(int64_t rows, int64_t steps, int64_t work) {
    constexpr int64_t thread_work = 200000, few = 16;
    const int64_t least = 1 + thread_work / (steps * (work + 1) + 1);
    const int64_t fair = (rows + num_threads() - 1) / num_threads();
    return least > fair || fair > few ? least : fair;
}

// f(direction, first position, count) in parallel, for parts that together are all rows of all directions.
template <typename F>
void for_rows(int64_t directions, const Batch& batch, bool reverse, int64_t work, const F& f) {
    const int64_t B = batch.rows();
    parallel_for(directions * B, rows_grain(directions * B, batch.steps(), work),
                 [&](int64_t begin, int64_t end) {
                     for (int64_t n = begin / B; n * B < end; n++) {
                         const int64_t first = begin > n * B ? begin - n * B : 0;
                         const int64_t last = end < (n + 1) * B ? end - n * B : B;
                         f(Direction(n, reverse), first, last - first);
                     }
                 });
}

}  // namespace pydl::PYDL_ISA
