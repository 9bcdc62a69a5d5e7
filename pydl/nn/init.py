"""First values of weights: random numbers of a chosen variance, drawn from pydl.random's generator.

A layer y = W x with fan_in inputs and fan_out outputs keeps the variance of what flows forward if Var(W) = 1 / fan_in,
and of what flows back if Var(W) = 1 / fan_out; a non-linearity shrinks it, which a gain makes up for.

    normal_            N(mean, std^2), by default N(0, 1)
    uniform_           U(a, b)
    xavier_uniform_    U(-r, r), r = gain sqrt(6 / (fan_in + fan_out))
    xavier_normal_     N(0, gain^2 2 / (fan_in + fan_out))
    kaiming_uniform_   U(-r, r), r = gain sqrt(3 / fan)
    kaiming_normal_    N(0, gain^2 / fan)
    trunc_normal_      N(mean, std^2) without what is outside a to b
    eye_, dirac_       weights that hand on what they get
    orthogonal_        a random matrix of orthonormal rows or columns

fan_in is the size of a weight's second dimension times the size of its kernel, fan_out the same with the first one.
Numbers are drawn in double precision, so that a seed means the same weights in float32 and float64. All functions
change the tensor in place, whether it needs a gradient or not, and return it.

Source: Glorot, Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010
(xavier); He, Zhang, Ren, Sun, "Delving deep into rectifiers", ICCV 2015 (kaiming); Saxe, McClelland, Ganguli, "Exact
solutions to the nonlinear dynamics of learning in deep linear neural networks", ICLR 2014 (orthogonal)
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from ..arguments import Array, check_choice, check_fill, check_integer, check_number, check_range, show
from ..random import generator
from ..tensor import Tensor, no_grad


def _fill(tensor: Tensor, values: Array) -> Tensor:
    with no_grad():
        return tensor.copy_(values)


def _shape(name: str, tensor: Tensor) -> tuple[int, ...]:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{name}: tensor must be a Tensor, which changes in place, not {type(tensor).__name__}")
    return tensor.shape


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """N(mean, std^2); by default N(0, 1)."""
    shape = _shape("normal_", tensor)
    mean, std = check_number("normal_", "mean", mean), check_range("normal_", "std", std, 0)
    return _fill(tensor, generator().normal(mean, std, shape))


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0) -> Tensor:
    """U(a, b)."""
    shape = _shape("uniform_", tensor)
    a, b = check_number("uniform_", "a", a), check_number("uniform_", "b", b)
    if not (a <= b and b - a < math.inf):
        raise ValueError(f"uniform_: a must be at most b, and both finite, but they are {a} and {b}")
    return _fill(tensor, generator().uniform(a, b, shape))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """The same number everywhere."""
    shape = _shape("constant_", tensor)
    return _fill(tensor, np.full(shape, check_fill("constant_", "val", val, tensor.dtype)))


def zeros_(tensor: Tensor) -> Tensor:
    """Zeros."""
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Ones."""
    return constant_(tensor, 1.0)


def trunc_normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0) -> Tensor:
    """N(mean, std^2), drawn again where it is outside a to b."""
    shape = _shape("trunc_normal_", tensor)
    mean, std = check_number("trunc_normal_", "mean", mean), check_range("trunc_normal_", "std", std, 0)
    a, b = check_number("trunc_normal_", "a", a), check_number("trunc_normal_", "b", b)
    values = np.asarray(generator().normal(mean, std, shape))
    outside = np.asarray(~((values >= a) & (values <= b)))
    for _ in range(1000):
        if not outside.any():
            return _fill(tensor, values)
        values[outside] = generator().normal(mean, std, int(outside.sum()))
        outside = np.asarray(~((values >= a) & (values <= b)))
    raise ValueError(f"trunc_normal_: numbers from {a} to {b} hardly ever come from N({mean}, {std}^2)")


def eye_(tensor: Tensor) -> Tensor:
    """1 on the diagonal of a matrix, else 0."""
    shape = _shape("eye_", tensor)
    if len(shape) != 2:
        raise ValueError(f"eye_: tensor must be a matrix, but has shape {shape}")
    return _fill(tensor, np.eye(*shape))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Filters (O, C, *) that hand on their input, as many channels as there are, in each group of outputs."""
    shape = _shape("dirac_", tensor)
    if len(shape) not in (3, 4, 5):
        raise ValueError(f"dirac_: tensor must have 3, 4 or 5 dimensions, but has shape {shape}")
    pieces = check_integer("dirac_", "groups", groups, 1)
    if shape[0] % pieces:
        raise ValueError(f"dirac_: groups is {groups}, but tensor {shape} has {shape[0]} filters")
    values, own = np.zeros(shape), shape[0] // pieces
    for g in range(pieces):
        for d in range(min(own, shape[1])):
            values[(g * own + d, d, *(size // 2 for size in shape[2:]))] = 1.0
    return _fill(tensor, values)


_GAINS = {
    "linear": 1.0,
    "conv1d": 1.0,
    "conv2d": 1.0,
    "conv3d": 1.0,
    "sigmoid": 1.0,
    "tanh": 5.0 / 3,
    "relu": math.sqrt(2.0),
    "selu": 3.0 / 4,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """What a non-linearity's weights are multiplied by: sqrt(2) for relu, sqrt(2 / (1 + param^2)) for leaky_relu."""
    if check_choice("calculate_gain", "nonlinearity", nonlinearity, *_GAINS, "leaky_relu") != "leaky_relu":
        return _GAINS[nonlinearity]
    slope = 0.01 if param is None else check_number("calculate_gain", "param", param)
    return math.sqrt(2.0 / (1 + slope * slope))


def fans(name: str, tensor: Tensor) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight (out, in, *kernel)."""
    shape = _shape(name, tensor)
    if len(shape) < 2:
        raise ValueError(f"{name}: tensor must have at least 2 dimensions (out, in), but has shape {shape}")
    kernel = math.prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel


def xavier_uniform_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """U(-r, r), r = gain sqrt(6 / (fan_in + fan_out)): the variance of xavier_normal_."""
    gain = check_range("xavier_uniform_", "gain", gain, 0)
    bound = gain * math.sqrt(6.0 / max(sum(fans("xavier_uniform_", tensor)), 1))
    return uniform_(tensor, -bound, bound)


def xavier_normal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """N(0, gain^2 2 / (fan_in + fan_out)): the mean of what forward and backward ask for."""
    gain = check_range("xavier_normal_", "gain", gain, 0)
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / max(sum(fans("xavier_normal_", tensor)), 1)))


def _kaiming_std(name: str, tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    check_choice(name, "mode", mode, "fan_in", "fan_out")
    fan = fans(name, tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, check_number(name, "a", a)) / math.sqrt(max(fan, 1))


def kaiming_uniform_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Tensor:
    """U(-r, r), r = gain sqrt(3 / fan): the variance of kaiming_normal_. a: the slope of leaky_relu."""
    bound = math.sqrt(3.0) * _kaiming_std("kaiming_uniform_", tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound)


def kaiming_normal_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Tensor:
    """N(0, gain^2 / fan), fan being fan_in or fan_out as `mode` says. a: the slope of leaky_relu."""
    return normal_(tensor, 0.0, _kaiming_std("kaiming_normal_", tensor, a, mode, nonlinearity))


def orthogonal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """gain times a random matrix whose rows, or columns if there are fewer of them, are orthonormal.

    Q of the QR decomposition of N(0, 1) numbers, with the signs that make R's diagonal positive, so that every such
    matrix is equally likely. More than two dimensions count as (out, all the others).
    """
    fans("orthogonal_", tensor)
    gain = check_number("orthogonal_", "gain", gain)
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    numbers = generator().standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(numbers)
    q *= np.where(np.diag(r) < 0, -1.0, 1.0)
    return _fill(tensor, gain * (q if rows >= columns else q.T).reshape(tensor.shape))


def reset_recurrent_(parameters: Iterable[tuple[str, Tensor]], gates: int, hidden_size: int, init: str | None) -> None:
    """The first values of a recurrent layer's parameters, given with their names. init: None, "notes" as in reset_, or

    "recommended"   weight_ih uniform as in xavier_uniform_, weight_hh orthogonal, both gate by gate; biases 0, but 1 in
                    the forget gates of an LSTM, so that a cell begins by keeping what it holds; peepholes 0

    Gains of a layer normalisation are 1 and its shifts 0 always.
    Source: Gers, Schmidhuber, Cummins, "Learning to forget", Neural Computation 12 (2000), and Jozefowicz, Zaremba,
    Sutskever, "An empirical exploration of recurrent network architectures", ICML 2015 (the forget gate); Saxe,
    McClelland, Ganguli, ICLR 2014 (weights that keep the length of what flows through time)
    """
    recommended = isinstance(init, str) and init == "recommended"
    if init is not None and not recommended and not (isinstance(init, str) and init == "notes"):
        raise ValueError(
            "init: must be None (uniform, as in PyTorch), 'notes' (N(0, 1)) or 'recommended' (orthogonal recurrent "
            f"weights, open forget gates), not {show(init)}"
        )
    for name, parameter in parameters:
        if name.startswith("gain"):
            ones_(parameter)
        elif name.startswith("shift"):
            zeros_(parameter)
        elif not recommended:
            reset_([parameter], hidden_size, init)
        elif name.startswith(("weight_ih", "weight_hh")):
            draw = orthogonal_ if name.startswith("weight_hh") else xavier_uniform_
            with no_grad():
                for first in range(0, gates * hidden_size, hidden_size):
                    draw(parameter[first : first + hidden_size])
        elif name.startswith("weight_hr"):
            xavier_uniform_(parameter)
        else:
            zeros_(parameter)
            if gates == 4 and name.startswith("bias_ih"):
                with no_grad():
                    ones_(parameter[hidden_size : 2 * hidden_size])


def reset_(parameters: Iterable[Tensor | None], fan_in: int, init: str | None) -> None:
    """The first values of a layer's parameters. init: None or "notes".

    None      U(-r, r), r = 1 / sqrt(fan_in), for weight and bias, as PyTorch has it
    "notes"   N(0, 1) for weight and bias
    """
    if init is not None and not (isinstance(init, str) and init == "notes"):
        raise ValueError(f"init: must be None (uniform, as in PyTorch) or 'notes' (N(0, 1)), not {show(init)}")
    bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0.0
    for parameter in parameters:
        if parameter is not None:
            normal_(parameter) if init == "notes" else uniform_(parameter, -bound, bound)
