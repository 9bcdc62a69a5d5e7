// lstm_recurrence: all steps of one layer in one direction. See pydl/ops/lstm_recurrence.py.
//
// Rows of the batch are independent of each other: each thread takes some of them through all of time.
#include "recurrent/lstm_recurrence.h"

#include "gemm/gemm.h"
#include "kernel.h"

namespace pydl::PYDL_ISA {

template <typename T>
using Weight1 = Optional<Array<const T, 1>>;
template <typename T>
using Weight2 = Optional<Array<const T, 2>>;

// gain_h, gain_c, shift_c, or nothing.
template <typename T>
bool norm_fits(const ArrayList<T>& list, int64_t H) {
    for (int64_t i = 0; i < list.count; i++)
        if (list.arrays[i].rank != 1 || list.arrays[i].shape[0] != (i == 0 ? 4 * H : H)) return false;
    return list.count == 0 || list.count == 3;
}

template <typename T>
RecurrenceOptions<T> recurrence_options(const char* message, int64_t B, int64_t H,
                                        const Array<const T, 2>& w_hh, const Weight1<T>& peephole,
                                        const Weight2<T>& w_hr, const ArrayList<const T>& norm,
                                        const Weight2<T>& mask, double eps) {
    const int64_t P = w_hh.shape[1];
    require(has_shape(w_hh, 4 * H, P) && (w_hr || P == H) && fits(peephole, 3 * H) && fits(w_hr, P, H) &&
                norm_fits(norm, H) && fits(mask, B, P) && w_hh.contiguous() && contiguous_or_none(peephole) &&
                contiguous_or_none(w_hr) && contiguous_or_none(mask),
            message);
    return {data_or_null(peephole),
            data_or_null(w_hr),
            norm.count ? norm.data(0) : nullptr,
            norm.count ? norm.data(1) : nullptr,
            norm.count ? norm.data(2) : nullptr,
            data_or_null(mask),
            eps};
}

// seen = mask * h
template <typename T>
void see(const RecurrenceOptions<T>& of, int64_t P, int64_t b, const T* h, T* seen) {
    for (int64_t k = 0; k < P; k++) seen[k] = of.mask ? of.mask[b * P + k] * h[k] : h[k];
}

template <typename T>
void lstm_recurrence_forward(Array<const T, 3> sums, Array<const T, 2> h0, Array<const T, 2> c0,
                             Array<const T, 2> w_hh, Weight1<T> peephole, Weight2<T> w_hr,
                             ArrayList<const T> norm, double eps, Weight2<T> mask, Lengths lengths,
                             bool reverse, Array<T, 3> gates, Optional<Array<T, 3>> rhat,
                             Optional<Array<T, 3>> stats, Array<T, 3> c, Array<T, 3> h, Array<T, 2> h_n,
                             Array<T, 2> c_n) {
    const int64_t T_ = c.shape[0], B = c.shape[1], H = c.shape[2], P = h.shape[2];
    require(has_shape(sums, T_, B, 4 * H) && has_shape(h0, B, P) && has_shape(c0, B, H) && w_hh.shape[1] == P,
            "lstm_recurrence_forward: sums must be (T, B, 4H), h0 (B, P), c0 (B, H), w_hh (4H, P)");
    const RecurrenceOptions<T> of =
        recurrence_options("lstm_recurrence_forward: weights and mask must fit each other and be contiguous",
                           B, H, w_hh, peephole, w_hr, norm, mask, eps);
    require(
        has_shape(gates, T_, B, 4 * H) && fits(rhat, T_, B, 4 * H) && fits(stats, T_, B, 3) &&
            (rhat && stats) == of.norm() && has_shape(h, T_, B, P) && has_shape(h_n, B, P) &&
            has_shape(c_n, B, H) && gates.contiguous() && contiguous_or_none(rhat) &&
            contiguous_or_none(stats) && c.contiguous() && h.contiguous() && h_n.contiguous() &&
            c_n.contiguous(),
        "lstm_recurrence_forward: results must be contiguous, gates and rhat (T, B, 4H), stats (T, B, 3), "
        "c (T, B, H), h (T, B, P), h_n (B, P), c_n (B, H)");
    const Batch batch(lengths, T_, B);
    require(batch.valid(), "lstm_recurrence_forward: lengths must be (B) and from 0 to T");
    if (B == 0 || H == 0) return;

    const bool few = B <= few_rows;
    const RowProduct<T> of_h(w_hh.data, P, 4 * H, P, 1, few);
    const RowProduct<T> of_y(of.w_hr, of.w_hr ? H : 0, of.w_hr ? P : 0, H, 1, few);
    const RowsInPlace<T> sum_rows(sums.data, T_, B, 4 * H, sums.stride);
    const Deal deal(batch);
    for_rows(1, batch, reverse, 4 * H * P, [&](Direction direction, int64_t first, int64_t count) {
        const OwnRows own(batch, deal(first), count);
        const Scratch<T> seen(count * P), cell(count * H), r(count * of_h.pitch);
        const Scratch<T> y(of.w_hr ? count * H : 0), projected(of.w_hr ? count * of_y.pitch : 0);
        const Scratch<T> packed(of_h.packed_size(count) + (of.w_hr ? of_y.packed_size(count) : 0));
        for (int64_t i = 0; i < count; i++) {
            const int64_t b = own[i];
            for (int64_t k = 0; k < P; k++) h_n.data[b * P + k] = h0(b, k);
            for (int64_t u = 0; u < H; u++) cell[i * H + u] = c0(b, u);
            see(of, P, b, h_n.data + b * P, seen.data() + i * P);
            for (int64_t t = batch.length(b); t < T_; t++) {
                const int64_t row = t * B + b;
                fill_run(gates.data + row * 4 * H, T(0), 4 * H);
                fill_run(c.data + row * H, T(0), H);
                fill_run(h.data + row * P, T(0), P);
                if (!of.norm()) continue;
                fill_run(rhat->data + row * 4 * H, T(0), 4 * H);
                fill_run(stats->data + row * 3, T(0), 3);
            }
        }
        for (int64_t s = 0; s < T_; s++) {
            const int64_t t = direction.time(s, T_), alive = own.alive(t);
            of_h(alive, seen.data(), P, packed.data(), r.data());
            for (int64_t i = 0; i < alive; i++) {
                const int64_t row = t * B + own[i];
                recurrence_forward_row(of, H, sum_rows(t, own[i]), r.data() + i * of_h.pitch,
                                       cell.data() + i * H, gates.data + row * 4 * H,
                                       of.norm() ? rhat->data + row * 4 * H : nullptr,
                                       of.norm() ? stats->data + row * 3 : nullptr, c.data + row * H,
                                       of.w_hr ? y.data() + i * H : h.data + row * P);
            }
            if (of.w_hr) of_y(alive, y.data(), H, packed.data(), projected.data());
            for (int64_t i = 0; i < alive; i++) {
                T* const h_row = h.data + (t * B + own[i]) * P;
                if (of.w_hr) copy_run(h_row, projected.data() + i * of_y.pitch, P);
                see(of, P, own[i], h_row, seen.data() + i * P);
                copy_run(h_n.data + own[i] * P, h_row, P);
            }
        }
        for (int64_t i = 0; i < count; i++) copy_run(c_n.data + own[i] * H, cell.data() + i * H, H);
    });
}
PYDL_KERNEL(lstm_recurrence_forward,
            "sums, h0, c0, w_hh, peephole, w_hr, norm, eps, mask, lengths, reverse, gates, "
            "rhat, stats, c, h, h_n, c_n")

// sum[j] = sum over rows of a[row, j] b(row)[j], in runs, whose sums are then added: the error of a long sum
// stays small. b(row) is null for rows that do not count.
template <typename T, typename Rows>
void sum_products(const T* a, int64_t a_stride, int64_t rows, int64_t columns, const Rows& b, T* sum) {
    constexpr int64_t run = 128;
    parallel_for(columns, width<T> * (1 + 16384 / (rows + 1)), [&](int64_t begin, int64_t end) {
        for (int64_t j = begin; j < end; j += width<T>) {
            vec<T> total{};
            for (int64_t first = 0; first < rows; first += run) {
                vec<T> part{};
                for (int64_t row = first; row < rows && row < first + run; row++)
                    if (const T* const other = b(row))
                        part = fma(load_partial(a + row * a_stride + j, end - j),
                                   load_partial(other + j, end - j), part);
                total += part;
            }
            store_partial(sum + j, total, end - j);
        }
    });
}

template <typename T>
void lstm_recurrence_backward(Optional<Array<const T, 3>> dh, Weight2<T> dh_n, Weight2<T> dc_n,
                              Array<const T, 2> h0, Array<const T, 2> c0, Array<const T, 2> w_hh,
                              Weight1<T> peephole, Weight2<T> w_hr, ArrayList<const T> norm, Weight2<T> mask,
                              Lengths lengths, bool reverse, Array<const T, 3> gates,
                              Optional<Array<const T, 3>> rhat, Optional<Array<const T, 3>> stats,
                              Array<const T, 3> c, Array<const T, 3> h, Array<T, 3> dsums, Array<T, 2> dh0,
                              Array<T, 2> dc0, Array<T, 2> dw_hh, Optional<Array<T, 1>> dpeephole,
                              Optional<Array<T, 2>> dw_hr, ArrayList<T> dnorm) {
    const int64_t T_ = c.shape[0], B = c.shape[1], H = c.shape[2], P = h.shape[2], rows = T_ * B;
    require(has_shape(h0, B, P) && has_shape(c0, B, H) && w_hh.shape[1] == P,
            "lstm_recurrence_backward: h0 must be (B, P), c0 (B, H), w_hh (4H, P)");
    const RecurrenceOptions<T> of =
        recurrence_options("lstm_recurrence_backward: weights and mask must fit each other and be contiguous",
                           B, H, w_hh, peephole, w_hr, norm, mask, 0.0);
    require(fits(dh, T_, B, P) && fits(dh_n, B, P) && fits(dc_n, B, H),
            "lstm_recurrence_backward: dh must be (T, B, P), dh_n (B, P), dc_n (B, H)");
    require(has_shape(gates, T_, B, 4 * H) && fits(rhat, T_, B, 4 * H) && fits(stats, T_, B, 3) &&
                (rhat && stats) == of.norm() && has_shape(h, T_, B, P) && gates.contiguous() &&
                contiguous_or_none(rhat) && contiguous_or_none(stats) && c.contiguous() && h.contiguous(),
            "lstm_recurrence_backward: gates and rhat must be (T, B, 4H), stats (T, B, 3), c (T, B, H), h "
            "(T, B, P), all contiguous");
    require(has_shape(dsums, T_, B, 4 * H) && has_shape(dh0, B, P) && has_shape(dc0, B, H) &&
                has_shape(dw_hh, 4 * H, P) && fits(dpeephole, 3 * H) && fits(dw_hr, P, H) &&
                norm_fits(dnorm, H) && (!dpeephole || of.peephole) && (!dw_hr || of.w_hr) &&
                (!dnorm.count || of.norm()) && dsums.contiguous() && dh0.contiguous() && dc0.contiguous() &&
                dw_hh.contiguous() && contiguous_or_none(dpeephole) && contiguous_or_none(dw_hr),
            "lstm_recurrence_backward: gradients must be contiguous and have the shapes of what they belong "
            "to");
    const Batch batch(lengths, T_, B);
    require(batch.valid(), "lstm_recurrence_backward: lengths must be (B) and from 0 to T");

    const bool few = B <= few_rows;
    const RowProduct<T> of_r(w_hh.data, 4 * H, P, 1, P, few);
    const RowProduct<T> of_h(of.w_hr, of.w_hr ? P : 0, of.w_hr ? H : 0, 1, H, few);
    const RowsInPlace<T> dh_rows(data_or_null(dh), T_, B, dh ? P : 0, dh->stride);
    // What went into W_hh and W_hr and what came back, of all steps; zero at padding.
    const int64_t normed = of.norm() ? 1 : 0, projects = of.w_hr ? 1 : 0;
    const Scratch<T> seen(rows * P), dr_of_norm(normed * rows * 4 * H), chat(normed * rows * H),
        ds(normed * rows * H), y(projects * rows * H), dh_all(projects * rows * P);
    T* const dr = normed ? dr_of_norm.data() : dsums.data;
    const Deal deal(batch);
    const auto before = [&](Direction direction, int64_t t, int64_t b) {
        return direction.before(t, batch.length(b));
    };
    const Scratch<T> c_first(B * H);
    for (int64_t b = 0; b < B; b++)
        for (int64_t u = 0; u < H; u++) c_first[b * H + u] = c0(b, u);
    const auto c_before = [&](Direction direction, int64_t t, int64_t b) -> const T* {
        const int64_t from = before(direction, t, b);
        return from < 0 ? c_first.data() + b * H : c.data + (from * B + b) * H;
    };

    for_rows(1, batch, reverse, 4 * H * P, [&](Direction direction, int64_t first, int64_t count) {
        const OwnRows own(batch, deal(first), count);
        const Scratch<T> dh_t(count * of_r.pitch), dc_t(count * H), dr_t(count * 4 * H), through_s(H);
        const Scratch<T> dy(projects * count * of_h.pitch);
        const Scratch<T> packed(of_r.packed_size(count) + of_h.packed_size(count));
        for (int64_t i = 0; i < count; i++) {
            const int64_t b = own[i];
            for (int64_t k = 0; k < P; k++) dh_t[i * of_r.pitch + k] = dh_n ? (*dh_n)(b, k) : T(0);
            for (int64_t u = 0; u < H; u++) dc_t[i * H + u] = dc_n ? (*dc_n)(b, u) : T(0);
            for (int64_t t = batch.length(b); t < T_; t++) {
                const int64_t row = t * B + b;
                fill_run(dsums.data + row * 4 * H, T(0), 4 * H);
                fill_run(seen.data() + row * P, T(0), P);
                if (normed) fill_run(dr + row * 4 * H, T(0), 4 * H);
                if (projects) fill_run(y.data() + row * H, T(0), H);
                if (projects) fill_run(dh_all.data() + row * P, T(0), P);
            }
        }
        for (int64_t s = T_ - 1; s >= 0; s--) {
            const int64_t t = direction.time(s, T_), alive = own.alive(t);
            for (int64_t i = 0; i < alive; i++) {
                const int64_t b = own[i], row = t * B + b, from = before(direction, t, b);
                T* const dh_row = dh_t.data() + i * of_r.pitch;
                if (dh) {
                    const T* const arrived = dh_rows(t, b);
                    for (int64_t k = 0; k < P; k++) dh_row[k] += arrived[k];
                }
                if (projects) copy_run(dh_all.data() + row * P, dh_row, P);
                T* const seen_row = seen.data() + row * P;
                for (int64_t k = 0; k < P; k++)
                    seen_row[k] = from < 0 ? h0(b, k) : h.data[(from * B + b) * P + k];
                see(of, P, b, seen_row, seen_row);
            }
            if (projects) of_h(alive, dh_t.data(), of_r.pitch, packed.data(), dy.data());
            for (int64_t i = 0; i < alive; i++) {
                const int64_t row = t * B + own[i];
                recurrence_backward_row<T>(
                    of, H,
                    {gates.data + row * 4 * H, normed ? rhat->data + row * 4 * H : nullptr,
                     normed ? stats->data + row * 3 : nullptr, c.data + row * H,
                     c_before(direction, t, own[i]),
                     projects ? dy.data() + i * of_h.pitch : dh_t.data() + i * of_r.pitch,
                     dc_t.data() + i * H, dsums.data + row * 4 * H, dr_t.data() + i * 4 * H,
                     projects ? y.data() + row * H : nullptr, chat.data() + normed * row * H,
                     normed ? ds.data() + row * H : nullptr},
                    through_s.data());
                if (normed) copy_run(dr + row * 4 * H, dr_t.data() + i * 4 * H, 4 * H);
            }
            of_r(alive, dr_t.data(), 4 * H, packed.data(), dh_t.data());
            if (of.mask)
                for (int64_t i = 0; i < alive; i++) {
                    T* const dh_row = dh_t.data() + i * of_r.pitch;
                    see(of, P, own[i], dh_row, dh_row);
                }
        }
        for (int64_t i = 0; i < count; i++) {
            copy_run(dh0.data + own[i] * P, dh_t.data() + i * of_r.pitch, P);
            copy_run(dc0.data + own[i] * H, dc_t.data() + i * H, H);
        }
    });

    gemm<T>({dr, 4 * H, rows, 1, 4 * H}, {seen.data(), rows, P, P, 1}, {dw_hh.data, 4 * H, P, P, 1});
    if (dw_hr) gemm<T>({dh_all.data(), P, rows, 1, P}, {y.data(), rows, H, H, 1}, {dw_hr->data, P, H, H, 1});
    const Direction direction(0, reverse);
    const auto when_read = [&](int64_t row, const T* there) {
        return row / B < batch.length(row % B) ? there : nullptr;
    };
    if (dpeephole) {
        for (int gate = 0; gate < 2; gate++)
            sum_products(
                dsums.data + gate * H, 4 * H, rows, H,
                [&](int64_t row) { return when_read(row, c_before(direction, row / B, row % B)); },
                dpeephole->data + gate * H);
        sum_products(
            dsums.data + 3 * H, 4 * H, rows, H, [&](int64_t row) { return c.data + row * H; },
            dpeephole->data + 2 * H);
    }
    if (!dnorm.count) return;
    const Scratch<T> ones(H);
    fill_run(ones.data(), T(1), H);
    sum_products(
        dsums.data, 4 * H, rows, 4 * H, [&](int64_t row) { return rhat->data + row * 4 * H; }, dnorm.data(0));
    sum_products(
        ds.data(), H, rows, H, [&](int64_t row) { return when_read(row, chat.data() + row * H); },
        dnorm.data(1));
    sum_products(
        ds.data(), H, rows, H, [&](int64_t row) { return when_read(row, ones.data()); }, dnorm.data(2));
}
PYDL_KERNEL(lstm_recurrence_backward,
            "dh, dh_n, dc_n, h0, c0, w_hh, peephole, w_hr, norm, mask, lengths, reverse, "
            "gates, rhat, stats, c, h, dsums, dh0, dc0, dw_hh, dpeephole, dw_hr, dnorm")

}  // namespace pydl::PYDL_ISA
