import numpy as np
import pytest
from checks import check_kernel

import pydl
from pydl import random
from pydl.ops.dropout import dropout, dropout_backward, dropout_forward


@pytest.mark.parametrize("kernel", [dropout_forward, dropout_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=15)


def test_worked_by_hand():
    dx = np.empty(3, np.float32)
    dropout_backward(np.array([1.0, 2.0, 3.0], np.float32), np.array([1, 0, 1], np.uint8), 2.0, dx)
    assert dx.tolist() == [2.0, 0.0, 6.0]


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        (0, 0, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        (2**128 - 1, 2**64 - 1, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (0x0370734413198A2E85A308D3243F6A88, 0x299F31D0A4093822, "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_philox_as_published(counter, key, words):
    """The known answers that come with the authors' library."""
    assert " ".join(f"{word:08x}" for word in random.philox(counter, key)) == words


@pytest.mark.parametrize("size", [1, 63, 64, 1000, 50_000])
def test_the_mask_is_that_of_the_reference(size):
    """Element i depends on i and the seed, not on the dtype, the number of elements, threads or instruction set."""
    masks = []
    for dtype in (np.float32, np.float64):
        pydl.manual_seed(7)
        masks.append(dropout(np.ones(size, dtype), 0.3).numpy() != 0)
    pydl.manual_seed(7)
    key = random.new_key()
    words = [word for block in range(16) for word in random.philox_block(block, key)][:size]
    np.testing.assert_array_equal(masks[0], masks[1])
    assert masks[0][:1024].tolist() == [word >= round(0.3 * 2**32) for word in words]


def test_the_state_of_the_generator_brings_the_masks_back():
    x = np.ones(500, np.float32)
    pydl.manual_seed(9)
    dropout(x)
    state = random.get_rng_state()
    before = [dropout(x).tolist() for _ in range(3)]
    random.set_rng_state(state)
    assert [dropout(x).tolist() for _ in range(3)] == before
    assert before[0] != before[1]


def test_neighbours_are_independent():
    """Shares of pairs at several distances, within and across blocks of random words."""
    pydl.manual_seed(11)
    kept = dropout(np.ones(400_000, np.float32), 0.5).numpy() != 0
    for distance in (1, 2, 8, 16, 32, 63, 64, 128):
        agree = (kept[distance:] == kept[:-distance]).mean()
        assert abs(agree - 0.5) < 0.005, distance  # six standard deviations


def test_keeps_a_share_and_the_mean():
    pydl.manual_seed(1)
    y = dropout(np.ones(200_000, np.float32), 0.3).numpy()
    np.testing.assert_array_equal(np.unique(y), np.array([0, 1 / 0.7], np.float32))
    assert abs((y == 0).mean() - 0.3) < 0.005  # five standard deviations
    assert abs(y.mean() - 1) < 0.01


def test_gradient_goes_where_the_numbers_went():
    x = pydl.tensor(np.random.default_rng(0).standard_normal((30, 7)), requires_grad=True)
    y = dropout(x, 0.4)
    dy = np.random.default_rng(1).standard_normal(y.shape)
    y.backward(dy)
    np.testing.assert_allclose(x.grad.numpy(), dy * (y.detach().numpy() != 0) / 0.6)


def test_the_seed_decides():
    x = np.ones((3, 50), np.float32)
    results = []
    for seed in (5, 5, 6):
        pydl.manual_seed(seed)
        results.append(dropout(x).tolist())
    assert results[0] == results[1] != results[2]


def test_nothing_to_do_gives_the_same_tensor():
    x = pydl.tensor([1.0, 2.0])
    assert dropout(x, 0.5, training=False) is x
    assert dropout(x, 0.0) is x
    assert dropout(x.data, 0.5, False).data is x.data


def test_everything_dropped():
    x = pydl.tensor([1.0, -2.0], requires_grad=True)
    y = dropout(x, 1.0)
    y.backward(np.ones(2))
    assert (y.tolist(), x.grad.tolist()) == ([0.0, 0.0], [0.0, 0.0])


def test_dropped_nan_stays_nan_as_in_torch():
    y = dropout(np.full(100, np.nan, np.float32)).numpy()
    assert np.isnan(y).all()


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x[::-1, ::-2],
        lambda x: x.T,
        lambda x: x[:0],
        lambda x: x[0, 0],
        lambda x: np.broadcast_to(x[0, 3], 300),
    ],
)
def test_any_strides(view):
    x = view(np.arange(1.0, 41.0).reshape(4, 10))
    y = dropout(x, 0.5).numpy()
    assert y.shape == x.shape
    np.testing.assert_array_equal(y[y != 0], 2 * np.asarray(x)[y != 0])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((np.ones(3), 1.5), ValueError, "dropout: p is 1.5 but must lie between 0 and 1"),
        ((np.ones(3), -0.1), ValueError, "dropout: p is -0.1 but must lie between 0 and 1"),
        ((np.ones(3), float("nan"), False), ValueError, "dropout: p is nan but must lie between 0 and 1"),
        ((np.ones(3, int),), TypeError, "dropout: input has dtype int64 but must be float32 or float64"),
        ((np.ones(3, int), 0.5, False), TypeError, "dropout: input has dtype int64 but must be float32 or float64"),
    ],
)
def test_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        dropout(*arguments)


@pytest.mark.parametrize("p", [0.2, 0.5])
def test_inverted_dropout_and_weights_times_1_minus_p_agree(p):
    """The mean over all masks: with division by 1 - p the plain sum, without it (1 - p) times that."""
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal(6), rng.standard_normal((3, 6))
    masks = np.array(np.meshgrid(*[[0, 1]] * 6)).reshape(6, -1).T
    chances = np.prod(np.where(masks == 1, 1 - p, p), 1)
    inverted = chances @ ((masks * x / (1 - p)) @ weight.T)
    plain = chances @ ((masks * x) @ weight.T)
    np.testing.assert_allclose(inverted, x @ weight.T, rtol=1e-12)
    np.testing.assert_allclose(plain, x @ ((1 - p) * weight).T, rtol=1e-12)
    pydl.manual_seed(3)
    kept = dropout(np.broadcast_to(x, (40_000, 6)), p).numpy()
    np.testing.assert_allclose((kept @ weight.T).mean(0), inverted, atol=0.1)  # six standard deviations and more
    np.testing.assert_allclose(((1 - p) * kept @ weight.T).mean(0), plain, atol=0.1)
