import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch

import pydl
from pydl.ops.matmul import matmul, matmul_forward

rng = np.random.default_rng(0)

# Vectors, matrices, batches, broadcast batches, empty sums and empty results.
SHAPES = [
    ((3,), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3,)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (3,)),
    ((5, 2, 3), (3, 4)),
    ((3,), (5, 3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((6, 1, 2, 3), (5, 3, 4)),
    ((1, 5, 2, 3), (6, 1, 3, 4)),
    ((2, 0), (0, 4)),
    ((0, 3), (3, 4)),
    ((0, 2, 3), (3, 4)),
    ((70, 33), (33, 50)),
]


def test_native_equals_reference():
    check_kernel(matmul_forward, examples=60)


def test_worked_by_hand():
    a = pydl.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    b = pydl.tensor([[5.0, 6.0], [7.0, 8.0]], requires_grad=True)
    y = matmul(a, b)
    y.backward(np.array([[1.0, 0.0], [0.0, 1.0]], np.float32))
    assert y.tolist() == [[19.0, 22.0], [43.0, 50.0]]
    assert a.grad.tolist() == [[5.0, 7.0], [6.0, 8.0]]
    assert b.grad.tolist() == [[1.0, 3.0], [2.0, 4.0]]


@pytest.mark.parametrize("shapes", [s for s in SHAPES if 0 not in s[0] + s[1] and max(s[0]) < 10], ids=str)
def test_gradient(shapes):
    check_gradient(matmul, *(rng.standard_normal(shape) for shape in shapes))


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_torch(shapes):
    torch = pytest.importorskip("torch")
    check_torch(matmul, torch.matmul, *(rng.standard_normal(shape) for shape in shapes))


@pytest.mark.parametrize("M", [1, 2, 3, 5, 17, 100, 513])
@pytest.mark.parametrize(
    ("K", "N"), [(1, 1), (7, 100), (257, 33), (700, 64), (64, 700), (390, 450), (200, 5), (90, 18), (80, 129), (3, 300)]
)
def test_sizes_around_the_blocks(M, K, N):
    """Against numpy, with every layout of the factors."""
    for dtype, tolerance in ((np.float32, 1e-5), (np.float64, 1e-13)):
        a, b = rng.standard_normal((M, K)).astype(dtype), rng.standard_normal((K, N)).astype(dtype)
        want = a.astype(np.float64) @ b.astype(np.float64)
        scale = (np.abs(a).astype(np.float64) @ np.abs(b)).max()
        for left in (a, np.asfortranarray(a), np.repeat(a, 2, 1)[:, ::2]):
            for right in (b, np.asfortranarray(b), np.ascontiguousarray(b[::-1])[::-1]):
                got = matmul(left, right).numpy()
                np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("N", [1, 2, 6, 19, 33])
def test_sum_of_products_with_few_columns(N):
    a, b, y = (rng.standard_normal(shape) for shape in ((3, 70, 110), (3, 110, N), (1, 70, N)))
    want = (a @ b).sum(0, keepdims=True)
    for left in (a, a.transpose(0, 2, 1).copy().transpose(0, 2, 1)):
        matmul_forward(left, b, y)
        np.testing.assert_allclose(y, want, rtol=0, atol=1e-11)


# One row or column, a short sum, half a vector of columns, several vectors of them, and sums of products.
@pytest.mark.parametrize("M", [1, 4, 5, 33])
@pytest.mark.parametrize("K", [1, 3, 6, 7, 8, 20, 70])
@pytest.mark.parametrize("N", [1, 2, 4, 7, 9, 17, 20, 33, 40, 53, 130])
def test_many_small_products(M, K, N):
    before = pydl.get_num_threads()
    for dtype, tolerance in ((np.float32, 1e-6), (np.float64, 1e-15)):
        a, b = rng.standard_normal((5, M, K)).astype(dtype), rng.standard_normal((5, K, N)).astype(dtype)
        want = a.astype(np.float64) @ b.astype(np.float64)
        for left in (a, a.swapaxes(1, 2).copy().swapaxes(1, 2)):
            for right in (b, b.swapaxes(1, 2).copy().swapaxes(1, 2), np.repeat(b, 2, 2)[..., ::2]):
                for gap in (0, 1):  # between rows of y: without one there are ways that turn it
                    results = []
                    for threads in (1, 2, 3):
                        pydl.set_num_threads(threads)
                        room = np.full((6, M, N + gap), np.nan, dtype)
                        y = room[:5, :, :N]
                        matmul_forward(left, right, y)
                        assert np.isnan(room[5]).all()
                        assert np.isnan(room[..., N:]).all()
                        results.append(y.tobytes())
                        # The first two alone, as a thread may have them.
                        two = np.full((2, M, N + gap), np.nan, dtype)[..., :N]
                        matmul_forward(left[:2], right[:2], two)
                        np.testing.assert_array_equal(two, y[:2])
                    assert len(set(results)) == 1
                    np.testing.assert_allclose(y, want, rtol=0, atol=tolerance * (K + 8) * 4)
                summed = np.full((1, M, N), np.nan, dtype)
                matmul_forward(left, right, summed)
                np.testing.assert_allclose(summed[0], want.sum(0), rtol=0, atol=tolerance * (5 * K + 8) * 4)
    pydl.set_num_threads(before)


@pytest.mark.parametrize("M", [9, 70, 150])
@pytest.mark.parametrize("N", [2, 3, 5, 9, 18])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_few_columns_of_a_factor_in_columns(M, N, dtype):
    for K in (4, 60):
        a = rng.standard_normal((3, K, M)).astype(dtype).swapaxes(-1, -2)
        b = rng.standard_normal((3, K, N)).astype(dtype)
        close = 1e-5 if dtype is np.float32 else 1e-13
        np.testing.assert_allclose(matmul(a, b).numpy(), np.matmul(a, b), rtol=close, atol=close)
        np.testing.assert_array_equal(matmul(a, b).numpy()[1], matmul(a[1], b[1]).numpy())


@pytest.mark.parametrize("M", [1, 2, 4, 20, 64])
@pytest.mark.parametrize("turned", [False, True])
def test_rows_that_meet_in_one_place_of_the_cache(M, turned):
    K, N = (1024, 70) if turned else (50, 1030)
    a = rng.standard_normal((M, K)).astype(np.float32)
    # 4096 bytes from row to row, beginning 4 bytes behind a whole line and at one.
    for first in (1, 0):
        b = np.zeros((N if turned else K, 2048), np.float32)[:, first : first + (K if turned else N)]
        b[...] = rng.standard_normal(b.shape)
        right = b.T if turned else b
        np.testing.assert_allclose(matmul(a, right).numpy(), a @ right, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("K", [65_535, 65_536, 100_003])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_long_dot_products(K, dtype):
    a, b = (rng.standard_normal(2 * K).astype(dtype) for _ in range(2))
    before = pydl.get_num_threads()
    for left, right in ((a[:K], b[:K]), (a[::2], b[K:][::-1]), (a[:K][::-1], b[1::2])):
        want, results = left.astype(np.float64) @ right, set()
        for threads in (1, 2, 3):
            pydl.set_num_threads(threads)
            results.add(matmul(left, right).numpy().tobytes())
        pydl.set_num_threads(before)
        assert len(results) == 1
        got = np.frombuffer(results.pop(), dtype)[0]
        assert abs(got - want) < np.finfo(dtype).eps * K
    a[K // 2] = np.nan
    assert np.isnan(matmul(a[:K], b[:K]).item())


@pytest.mark.parametrize(("M", "N"), [(459, 3), (389, 4), (513, 2), (482, 2), (161, 1), (99, 7)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_thread_may_have_hardly_a_vector_of_rows(M, N, dtype):
    a, b = rng.standard_normal((2300, M)).astype(dtype).T, rng.standard_normal((2300, N)).astype(dtype)
    before = pydl.get_num_threads()
    try:
        for left in (a, np.ascontiguousarray(a)):
            results = set()
            for threads in (1, 2, 3, 4):
                pydl.set_num_threads(threads)
                results.add(matmul(left, b).numpy().tobytes())
            assert len(results) == 1
    finally:
        pydl.set_num_threads(before)


def test_large_is_the_same_for_any_number_of_threads():
    a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((300, 1500), (1500, 200)))
    before, results = pydl.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            pydl.set_num_threads(threads)
            results.append(
                [
                    matmul(left[:rows], right).numpy()
                    for left in (a, np.asfortranarray(a))
                    for right in (b, np.asfortranarray(b), b[:, :77], b[:, :66], b[:, :3])
                    for rows in (300, 20, 4, 1)
                ]
            )
    finally:
        pydl.set_num_threads(before)
    for other in results[1:]:
        for x, y in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(x, y)


def test_special_values_reach_only_their_row_and_column():
    a = np.ones((20, 40), np.float32)
    b = np.ones((40, 37), np.float32)
    a[3, 39], b[5, 36] = np.nan, np.inf
    y = matmul(a, b).numpy()
    assert np.isnan(y[3]).all()
    assert np.isinf(np.delete(y[:, 36], 3)).all()
    assert (np.delete(y, 3, 0)[:, :36] == 40).all()


@pytest.mark.parametrize(
    ("a", "b", "error", "message"),
    [
        (np.ones((2, 3)), np.ones((4, 5)), ValueError, r"matmul: input has 3 columns but other has 4 rows; .*\(2, 3\)"),
        (np.ones(()), np.ones((4, 5)), ValueError, "matmul: input is a scalar but must have at least 1 dimension"),
        (np.ones((4, 4)), np.ones(()), ValueError, "matmul: other is a scalar but must have at least 1 dimension"),
        (np.ones((2, 3, 4)), np.ones((5, 4, 3)), ValueError, r"matmul: the leading dimensions \(2,\) of input"),
        (np.ones((2, 2)), np.ones((2, 2), np.float32), TypeError, "matmul: other is float32 but input is float64"),
        (np.ones((2, 2), int), np.ones((2, 2)), TypeError, "matmul: input has dtype int64"),
    ],
)
def test_refuses(a, b, error, message):
    with pytest.raises(error, match=message):
        matmul(a, b)


def test_kernel_refuses_shapes_that_do_not_fit():
    a, b = np.ones((2, 3)), np.ones((3, 4))
    for wrong in (np.ones((2, 3)), np.ones((3, 4)), np.ones((1, 2, 4))):
        with pytest.raises(ValueError, match="matmul_forward"):
            matmul_forward.native(a, b, wrong)
