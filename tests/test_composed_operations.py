"""Operations that are made of others, each against PyTorch's of the same name, its gradients and its special cases."""

import numpy as np
import pytest
from checks import check_gradient, check_refused, check_torch, torch

import pydl

RNG = np.random.default_rng(0)
M, N, V, W, T = (RNG.standard_normal(shape) for shape in ((4, 3), (3, 5), 4, 3, (2, 4, 3)))
U = RNG.uniform(0.1, 0.9, (3, 4))
INDEX = np.array([2, 0, 2])

# name -> arguments: arrays of float get gradients. Called as pydl.name(...), as torch.name(...), and as a method.
CALLS = {
    "lerp": [(M, M[::-1].copy(), 0.3), (M, np.flip(M).copy(), U.T)],
    "addcmul": [(M, M + 1, M - 1, {"value": 0.5}), (W, M, M)],
    "addcdiv": [(M, M + 1, U.T, {"value": -2.0})],
    "hypot": [(M, M - 0.5)],
    "xlogy": [(M, U.T), (np.zeros(3), U[0, :3])],
    "logit": [(U,), (U, 0.3)],
    "frac": [(3 * M,)],
    "deg2rad": [(M,)],
    "rad2deg": [(M,)],
    "addmm": [(np.ones((4, 5)), M, N), (N[0], M, N, {"beta": 0.5, "alpha": 2.0})],
    "addmv": [(V, M, W, {"beta": 2.0})],
    "addr": [(M, V, W)],
    "baddbmm": [(M, T, np.swapaxes(T, 1, 2)[:, :, :3].copy())],
    "addbmm": [(M[:, :3], T, np.swapaxes(T, 1, 2)[:, :, :3].copy(), {"alpha": 0.5})],
    "inner": [(M, T), (W, W), (T, W)],
    "vdot": [(V, V + 1)],
    "kron": [(M, N), (V, M), (T, W)],
    "cross": [(M, M[::-1].copy(), {"dim": 1}), (W[None], M, {"dim": -1})],
    "trace": [(M,)],
    "dist": [(M, M[::-1].copy()), (M, M[::-1].copy(), 3.0), (M, M + 1, 1.0)],
    "cov": [(M[:1],), (M,), (V,), (M, {"correction": 0})],
    "corrcoef": [(M,), (M[:1],)],
    "t": [(M,), (V,)],
    "ravel": [(T,)],
    "unflatten": [(T, 1, (2, -1)), (V, 0, (2, 2))],
    "swapaxes": [(T, 0, 2)],
    "moveaxis": [(T, 0, 2)],
    "narrow": [(T, 1, 1, 2), (V, 0, -3, 2)],
    "select": [(T, 1, 2), (T, -1, -1)],
    "fliplr": [(T,)],
    "flipud": [(T,)],
    "rot90": [(M,), (M, 2), (T, 3, (1, 2)), (T, -1, (2, 0))],
    "take": [(M, np.array([[0, 11], [-1, 5]]))],
    "take_along_dim": [(M, INDEX[None], 0), (M, np.array([[0], [2], [1], [1]]), 1), (M, np.array([0, 11]))],
    "index_fill": [(M, 1, INDEX, 2.5)],
    "index_copy": [(M, 1, np.array([2, 0]), M[:, :2] + 1)],
    "masked_scatter": [(M, M > 0, N)],
    "diff": [(T,), (T, 2, 1), (M, 1, 0, M[:2], M[:1]), (V, 9)],
    "diag_embed": [(T,), (M, 1), (M, -2, 0, 2)],
    "diagflat": [(M,), (V, -1)],
    "nan_to_num": [(M,)],
    "cumprod": [(M, 0)],
    "median": [(M,)],
    "nanmedian": [(M,)],
    "nansum": [(M,), (M, 0), (M, (0, 1), True)],
    "nanmean": [(M,), (M, 1, True)],
    "quantile": [(M, 0.3), (M, 0.7, 1), (M, 0.5, 0, True), (V, 1.0), (V, 0.0), (M, 0.25, None, True)],
    "nanquantile": [(M, 0.4, 1)],
    "msort": [(M,)],
}
CASES = [(name, n) for name, calls in CALLS.items() for n in range(len(calls))]


def split(arguments):
    """Arrays of float, and a function that puts them back among the others."""
    options = arguments[-1] if isinstance(arguments[-1], dict) else {}
    places = arguments[:-1] if options else arguments
    floats = [each for each in places if isinstance(each, np.ndarray) and each.dtype == np.float64]

    def join(new, convert):
        new = iter(new)
        return [
            next(new)
            if isinstance(each, np.ndarray) and each.dtype == np.float64
            else convert(each)
            if isinstance(each, np.ndarray)
            else each
            for each in places
        ]

    return floats, join, options


@pytest.mark.parametrize(("name", "n"), CASES)
def test_as_in_pytorch(name, n):
    floats, join, options = split(CALLS[name][n])

    def ours(*new):
        return getattr(pydl, name)(*join(new, pydl.tensor), **options)

    def theirs(*new):
        return getattr(torch, name)(*join(new, torch.tensor), **options)

    def method(first, *rest):
        arguments = join((first, *rest), pydl.tensor)
        return getattr(arguments[0], name)(*arguments[1:], **options)

    # PyTorch rounds 1 / 3 otherwise than numpy in quantile's places.
    check_torch(ours, theirs, *floats, rtol=1e-4 if name in ("quantile", "nanquantile") else 1e-5)
    if hasattr(pydl.Tensor, name):
        check_torch(method, theirs, *floats, rtol=1e-4 if name in ("quantile", "nanquantile") else 1e-5)
    check_gradient(ours, *floats)


def test_tensordot_and_cdist_as_in_pytorch():
    for a, b, dims in [(M, N, 1), (T, T, 3), (T, M, ((1, 2), (0, 1))), (T, M, 0), (M[:, :0], N[:0], 1)]:
        check_torch(lambda a, b, d=dims: pydl.tensordot(a, b, d), lambda a, b, d=dims: torch.tensordot(a, b, d), a, b)
    for p in (1.0, 2.0, 3.0, float("inf")):
        check_torch(
            lambda a, b, p=p: pydl.cdist(a, b, p), lambda a, b, p=p: torch.cdist(a, b, p), T, T[::-1].copy() + 1
        )
    y = pydl.cdist(M, M)  # its gradient is 0 where rows are equal
    assert y.data.diagonal().tolist() == [0] * 4


JOINS = {
    "hstack": [(M, M), (V, W)],
    "vstack": [(M, M), (V, V)],
    "dstack": [(M, M), (V, V), (T, T)],
    "column_stack": [(M, V), (V, V)],
    "concat": [(M, M)],
    "broadcast_tensors": [(M, W), (np.ones((4, 1)), W)],
    "meshgrid": [(V, W), (V,), (V, W, W)],
    "cartesian_prod": [(V, W), (V,)],
    "block_diag": [(M, N), (V, M)],
    "atleast_1d": [(np.array(1.0), V)],
    "atleast_2d": [(np.array(1.0), V, M)],
    "atleast_3d": [(np.array(1.0), V, M, T)],
}


@pytest.mark.parametrize(("name", "n"), [(name, n) for name, calls in JOINS.items() for n in range(len(calls))])
@pytest.mark.filterwarnings("ignore:torch.meshgrid")
def test_joins_as_in_pytorch(name, n):
    arrays = JOINS[name][n]
    spread = name in ("broadcast_tensors", "meshgrid", "cartesian_prod", "block_diag")

    def of(library):
        def call(*tensors):
            made = getattr(library, name)(*tensors) if spread else getattr(library, name)(list(tensors))
            parts = made if isinstance(made, list | tuple) else [made]
            return library.cat([each.reshape(-1) for each in parts])

        return call

    check_torch(of(pydl), of(torch), *arrays)
    ours = getattr(pydl, name)(*arrays) if spread else getattr(pydl, name)(list(arrays))
    theirs = [torch.tensor(each) for each in arrays]
    theirs = getattr(torch, name)(*theirs) if spread else getattr(torch, name)(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.shape == tuple(other.shape)


def test_meshgrid_xy():
    for ours, theirs in zip(
        pydl.meshgrid(V, W, V, indexing="xy"),
        torch.meshgrid(*map(torch.tensor, (V, W, V)), indexing="xy"),
        strict=True,
    ):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


@pytest.mark.parametrize("cut", [1, 2, 3, 5, (1, 3), (0, 2, 2), (-1,), (9,)])
def test_tensor_split_as_in_pytorch(cut):
    for dim in (0, 1, -1):
        ours, theirs = pydl.tensor_split(T, cut, dim), torch.tensor_split(torch.tensor(T), cut, dim)
        assert [each.shape for each in ours] == [tuple(each.shape) for each in theirs]
        for mine, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(mine.numpy(), other.numpy())
    assert [each.shape for each in pydl.hsplit(T, 2)] == [(2, 2, 3)] * 2
    assert [each.shape for each in pydl.vsplit(T, 2)] == [(1, 4, 3)] * 2


NANS = np.where(RNG.random((5, 6)) < 0.25, np.nan, np.round(RNG.standard_normal((5, 6)), 1))
NANS[2] = np.nan
TIES = np.round(RNG.standard_normal((5, 6)))


@pytest.mark.parametrize("name", ["median", "nanmedian", "mode", "kthvalue"])
def test_order_as_in_pytorch(name):
    more = (2,) if name == "kthvalue" else ()
    for x in (NANS, TIES, TIES.astype(np.int64), np.array([3.0])):
        if name == "mode" and x is NANS:
            continue  # NaN is not even equal to itself
        for dim in (0, -1):
            for keepdim in (False, True):
                if more and x.shape == (1,):
                    continue
                ours = getattr(pydl, name)(x, *more, dim, keepdim)
                theirs = getattr(torch, name)(torch.tensor(x), *more, dim, keepdim)
                assert ours.indices.shape == tuple(theirs.indices.shape)
                np.testing.assert_array_equal(ours.values.numpy(), theirs.values.numpy())
                picked = np.take_along_axis(x, ours.indices.numpy().reshape(_kept(x, dim)), dim)
                np.testing.assert_array_equal(picked.reshape(ours.values.shape), ours.values.numpy())
    if name.endswith("median"):
        for x in (NANS, TIES, NANS[2], np.zeros(0), np.array(2.0)):
            want = getattr(torch, name)(torch.tensor(x)).item()
            np.testing.assert_array_equal(getattr(pydl, name)(x).item(), want)


def _kept(x, dim):
    return tuple(1 if d == dim % x.ndim else n for d, n in enumerate(x.shape))


@pytest.mark.parametrize("name", ["quantile", "nanquantile"])
@pytest.mark.parametrize("interpolation", ["linear", "lower", "higher", "midpoint", "nearest"])
def test_quantiles_as_in_pytorch(name, interpolation):
    shares = np.array([0.0, 0.2, 0.5, 0.8, 1.0])
    for x in (NANS, TIES):
        for dim in (None, 0, 1):
            for keepdim in (False, True):
                ours = getattr(pydl, name)(x, shares, dim, keepdim, interpolation=interpolation)
                theirs = getattr(torch, name)(
                    torch.tensor(x), torch.tensor(shares), dim, keepdim, interpolation=interpolation
                )
                np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12)


def test_special_values():
    odd = np.array([np.nan, np.inf, -np.inf, 0.0, -1.5, 2.5], np.float32)
    for name in ("isposinf", "isneginf", "frac", "sign", "nan_to_num", "logit", "deg2rad"):
        np.testing.assert_array_equal(
            getattr(pydl, name)(odd).numpy(), getattr(torch, name)(torch.tensor(odd)).numpy(), name
        )
    for name in ("logaddexp", "xlogy", "hypot"):
        got = getattr(pydl, name)(odd[:, None], odd).numpy()
        want = getattr(torch, name)(torch.tensor(odd)[:, None], torch.tensor(odd)).numpy()
        if name == "hypot":  # inf beside NaN is inf to the C library, NaN to a sum
            got, want = (each[np.isfinite(odd)] for each in (got, want))
        np.testing.assert_allclose(got, want, rtol=1e-6, err_msg=name)
    assert pydl.nan_to_num(odd, 7.0, 8.0, 9.0).tolist()[:3] == [7, 8, 9]
    assert pydl.nansum(odd[:1]).item() == 0
    assert np.isnan(pydl.nanmean(odd[:1]).item())


def test_numbers_beside_doubles_are_doubles():
    x = np.array([0.1, 3.0])
    np.testing.assert_allclose(pydl.xlogy(x, 2).numpy(), x * np.log(2), rtol=1e-15)
    np.testing.assert_allclose(pydl.xlogy(0.1, pydl.tensor(x)).numpy(), 0.1 * np.log(x), rtol=1e-15)
    assert pydl.xlogy(2, x.astype(np.float32)).dtype == np.float32


def test_hypot_overflows_only_where_its_result_does():
    a, b = (
        pydl.tensor(np.array(each, np.float32), requires_grad=True) for each in ([3e30, 3e-30, 0], [-4e30, 4e-30, 0])
    )
    y = pydl.hypot(a, b)
    np.testing.assert_allclose(y.detach().numpy(), [5e30, 5e-30, 0], rtol=1e-6)
    y.sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), [0.6, 0.6, 0], rtol=1e-6)
    np.testing.assert_allclose(b.grad.numpy(), [-0.8, 0.8, 0], rtol=1e-6)


def test_logaddexp_has_no_gradient_where_it_is_no_number():
    a, b = (pydl.tensor(each, requires_grad=True) for each in ([1.0, np.nan, -np.inf], [np.nan, 1.0, 2.0]))
    pydl.logaddexp(a, b).sum().backward()
    np.testing.assert_array_equal(a.grad.numpy(), [np.nan, np.nan, 0])
    np.testing.assert_array_equal(b.grad.numpy(), [np.nan, np.nan, 1])


def test_logit_outside_has_no_gradient():
    check_torch(pydl.logit, torch.logit, np.array([-0.5, 0.5, 1.5]))


def test_whole_numbers():
    x = np.array([[3, 1, 2], [1, 1, 5]])
    for name, arguments in {
        "diff": (), "fliplr": (), "rot90": (), "msort": (), "t": (), "diag_embed": (), "kron": (x,), "nansum": (),
        "deg2rad": (), "logit": (), "trace": (), "cov": (), "corrcoef": (),
    }.items():  # fmt: skip
        got = getattr(pydl, name)(x, *arguments)
        want = getattr(torch, name)(*map(torch.tensor, (x, *arguments)))
        assert got.dtype == want.numpy().dtype, name
        np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-6)
    assert pydl.diff(np.array([True, False, False])).tolist() == [True, False]


def test_windows_as_in_pytorch():
    for arguments in [(1, 2, 1), (0, 2, 2), (-1, 3, 1), (1, 0, 2)]:
        check_torch(lambda x, a=arguments: x.unfold(*a), lambda x, a=arguments: x.unfold(*a), T)


def test_as_another_tensor():
    x = pydl.tensor(M[:, :1])
    assert x.expand_as(pydl.tensor(M)).shape == (4, 3)
    assert x.view_as(pydl.ones(2, 2)).shape == x.reshape_as(pydl.ones(2, 2)).shape == (2, 2)
    assert x.type_as(pydl.ones(1)).dtype == np.float32


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pydl.addmm(V, M, N), ValueError, r"addmm: shapes \(4,\) and \(4, 5\) do not broadcast"),
        (lambda: pydl.addmm(T[:, :, :1], M[:3], N), ValueError, "addmm: "),
        (lambda: pydl.tensordot(M, N, 2), ValueError, r"tensordot: a \(4, 3\) and b \(3, 5\) differ along"),
        (lambda: pydl.cross(V, V), ValueError, "cross: dim must name a dimension of 3 numbers"),
        (lambda: pydl.kthvalue(V, 5), ValueError, "kthvalue: k is 5, but dimension 0 of .4,. has 4 elements"),
        (lambda: pydl.median(M[:0], 0), IndexError, "median: dimension 0 of input .0, 3. has no elements"),
        (lambda: pydl.quantile(V, 1.5), ValueError, "quantile: q must be a number or a vector of them, from 0 to 1"),
        (lambda: pydl.quantile(INDEX, 0.5), TypeError, "quantile: input has dtype int64 but must be float32 or float6"),
        (lambda: pydl.narrow(M, 0, 3, 2), ValueError, "narrow: 2 numbers from 3 on are more than dimension 0 of"),
        (lambda: pydl.unflatten(M, 0, (3, 2)), ValueError, r"unflatten: sizes \(3, 2\) do not make dimension 0"),
        (lambda: pydl.take(M, np.array([12])), IndexError, "take: index has numbers from 12 to 12 but must lie in 0.."),
        (lambda: pydl.masked_scatter(M, M > -9, V), ValueError, "masked_scatter: source must have 12 numbers of float"),
        (lambda: pydl.meshgrid(M, V), ValueError, "meshgrid: tensors.0. must be a vector or a number, but has shape"),
        (lambda: pydl.hsplit(M, 2), ValueError, "hsplit: dimension 1 of .4, 3. is not 2 equal pieces; use tensor_spli"),
        (lambda: pydl.vstack([]), ValueError, "vstack: tensors is empty, but one or more are needed"),
        (lambda: pydl.hstack(M), TypeError, "hstack: tensors must be a list of tensors, not one of them"),
    ],
)  # fmt: skip
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_inner_refuses():
    check_refused(
        lambda: pydl.inner(M, V), ValueError, "inner: input (4, 3) and other (4,) differ in the last dimension"
    )


def test_the_middle_of_equals_and_of_nothing():
    x = np.array([[2.0, 1.0, 2.0, 2.0], [np.nan, 1.0, np.nan, 3.0]])
    values, index = pydl.median(pydl.tensor(x), 1)
    assert index.tolist() == [0, 0]
    np.testing.assert_array_equal(values.numpy(), [2.0, np.nan])
    assert pydl.nanmedian(pydl.tensor(x), 1).values.tolist() == [2.0, 1.0]
    assert pydl.kthvalue(pydl.tensor(x[0]), 2).indices.item() == 0
