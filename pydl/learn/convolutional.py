"""Exercises on a convolutional network: convolution and max-pooling, forwards and backwards."""

from __future__ import annotations

import numpy as np

import pydl
from pydl.nn import functional as F

from .exercise import exercise, gradients


def _draw(random, sizes, backward=False):
    """x (N, C, H, W), w (O, C, U, V), b (O) and, for a backward pass, dy in place of b."""
    cases = []
    for (n, c, h, o, u), stride, padding in sizes:
        case = {"x": random.normal(size=(n, c, h, h + 1)), "w": random.normal(size=(o, c, u, u))}
        rows, columns = ((size + 2 * padding - u) // stride + 1 for size in (h, h + 1))
        if backward:
            case = {"dy": random.normal(size=(n, o, rows, columns))} | case
        else:
            case["b"] = random.normal(size=o)
        cases.append(case | {"stride": stride, "padding": padding})
    return cases


@exercise("the convolution of images with filters", returns="y")
def conv_forward(x, w, b, stride, padding):
    """Two-dimensional convolution (as in every deep-learning library the filter is not turned):

        y[n,o,i,j] = b[o] + sum over c, u, v of  w[o,c,u,v] * x[n, c, i*stride + u - padding, j*stride + v - padding]

    with x zero outside the image.

    x    (N, C, H, W)    a batch of images
    w    (O, C, U, V)    O filters
    b    (O)             their biases
    y    (N, O, I, J)    I = (H + 2*padding - U) // stride + 1, J = (W + 2*padding - V) // stride + 1
    stride, padding      whole numbers, the same for rows and columns
    """
    return F.conv2d(x, w, b, stride, padding)


@conv_forward.cases
def _(random):
    one, several = (1, 1, 4, 1, 3), (2, 3, 6, 4, 3)
    return _draw(random, [(one, 1, 0), (several, 1, 0), (several, 1, 1), (several, 2, 1), ((4, 3, 12, 8, 5), 1, 2)])


@conv_forward.mistake("the filter is turned by 180 degrees; take w[u,v] with x[i+u,j+v]")
def _(x, w, b, stride, padding):
    return F.conv2d(x, w[:, :, ::-1, ::-1], b, stride, padding)


@conv_forward.mistake("the biases are missing")
def _(x, w, b, stride, padding):
    return F.conv2d(x, w, None, stride, padding)


@conv_forward.mistake("rows and columns of the filter are exchanged")
def _(x, w, b, stride, padding):
    return F.conv2d(x, w.swapaxes(2, 3), b, stride, padding)


@conv_forward.mistake("every filter sees the first channel only; sum over c")
def _(x, w, b, stride, padding):
    return F.conv2d(x[:, :1], w[:, :1], b, stride, padding)


@exercise("the gradients of a convolution", returns="dx, dw, db")
def conv_backward(dy, x, w, stride, padding):
    """The gradients of C where dy = dC/dy arrives at the output of the convolution of conv_forward:

        dx[n,c,h,k] = sum over o, u, v of  w[o,c,u,v] * dy[n,o,i,j]  where h = i*stride + u - padding and
                                                                           k = j*stride + v - padding
        dw[o,c,u,v] = sum over n, i, j of  dy[n,o,i,j] * x[n, c, i*stride + u - padding, j*stride + v - padding]
        db[o]       = sum over n, i, j of  dy[n,o,i,j]

    For stride 1 the first is dx[h,k] = sum over u, v of  dy[h-u,k-v] * w[u,v]: the filter slides turned by 180 degrees,
    also over the zeros around dy. The easiest way to all three: go through the forward pass and send dy back along
    each product.

    dy (N, O, I, J), x (N, C, H, W), w (O, C, U, V); returns dx, dw, db (O) of the shapes of x, w and b
    """
    x, w = (pydl.tensor(each, requires_grad=True) for each in (x, w))
    b = pydl.zeros(w.shape[0], dtype="float64", requires_grad=True)
    return gradients(F.conv2d(x, w, b, stride, padding), dy, x, w, b)


@conv_backward.undoes
def _(x, w, stride, padding):
    return F.conv2d(x, w, None, stride, padding)


@conv_backward.cases
def _(random):
    one, several = (1, 1, 4, 1, 3), (2, 3, 6, 4, 3)
    sizes = [(one, 1, 0), (several, 1, 0), (several, 1, 1), (several, 2, 1), ((2, 2, 9, 4, 3), 1, 1)]
    return _draw(random, sizes, backward=True)


@conv_backward.mistake("for dx the filter has to be turned by 180 degrees")
def _(dy, x, w, stride, padding):
    _, dw, db = conv_backward.answer({"dy": dy, "x": x, "w": w, "stride": stride, "padding": padding})
    turned = {"dy": dy, "x": x, "w": w[:, :, ::-1, ::-1].copy(), "stride": stride, "padding": padding}
    return conv_backward.answer(turned)[0], dw, db


@conv_backward.mistake("db is the mean over the positions; the bias is added at each of them, so it is the sum")
def _(dy, x, w, stride, padding):
    dx, dw, _ = conv_backward.answer({"dy": dy, "x": x, "w": w, "stride": stride, "padding": padding})
    return dx, dw, dy.mean((0, 2, 3))


def _draw_pool(random, backward=False):
    cases = []
    for shape, size in [((1, 1, 4, 4), 2), ((2, 3, 6, 6), 2), ((2, 2, 7, 9), 3), ((4, 3, 12, 12), 2)]:
        x = random.permutation(np.prod(shape)).reshape(shape) - np.prod(shape) / 2
        case = {"x": x.astype(np.float64), "size": size}
        if backward:
            rows, columns = shape[2] // size, shape[3] // size
            case = {"dy": random.normal(size=(*shape[:2], rows, columns))} | case
        cases.append(case)
    return cases


@exercise("the largest element of every window", returns="y")
def maxpool_forward(x, size):
    """The largest element of every window; windows lie side by side:

        y[n,c,p,q] = max over i, j < size of  x[n, c, p*size + i, q*size + j]

    x    (N, C, H, W)    numbers below zero, too
    y    (N, C, H // size, W // size): rows and columns that are left over are dropped
    """
    return F.max_pool2d(x, size)


@maxpool_forward.cases
def _(random):
    return _draw_pool(random)


@maxpool_forward.mistake("the search starts from 0, so that 0 wins where all of a window is negative")
def _(x, size):
    return np.maximum(F.max_pool2d(x, size).data, 0.0)


@maxpool_forward.mistake("the mean of the window, not its largest element")
def _(x, size):
    return F.avg_pool2d(x, size)


@exercise("the gradient of max-pooling", returns="dx")
def maxpool_backward(dy, x, size):
    """Each gradient goes to the winner of its window, the others get nothing:

        dx[n, c, p*size + i, q*size + j] = dy[n,c,p,q]  where x[n, c, p*size + i, q*size + j] is the largest of
                                                        window (p, q), otherwise 0

    dy (N, C, H // size, W // size), x (N, C, H, W); returns dx (N, C, H, W). No two elements of x are equal.
    """
    x = pydl.tensor(x, requires_grad=True)
    return gradients(F.max_pool2d(x, size), dy, x)


@maxpool_backward.undoes
def _(x, size):
    return F.max_pool2d(x, size)


@maxpool_backward.cases
def _(random):
    return _draw_pool(random, backward=True)


@maxpool_backward.mistake(
    "the gradient is shared out to the whole window, as in average-pooling; only the winner gets it"
)
def _(dy, x, size):
    x = pydl.tensor(x, requires_grad=True)
    return gradients(F.avg_pool2d(x, size), dy, x)


@maxpool_backward.mistake("every element of the window gets the whole gradient; only the winner does")
def _(dy, x, size):
    x = pydl.tensor(x, requires_grad=True)
    return gradients(F.avg_pool2d(x, size), dy * size**2, x)
