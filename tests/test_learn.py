"""Learn by writing: right solutions are called right, wrong ones are told where and, if it is a usual mistake, why."""

import subprocess
import sys

import numpy as np
import pytest

import pydl
from pydl.learn import EXERCISES, check_file, check_solution, write_exercise

NAMES = list(EXERCISES)


def correlate(x, w, stride, padding):
    """Where tap (u, v) of every window lies: the views that both passes of a convolution go through."""
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    _, _, U, V = w.shape
    rows, columns = ((padded.shape[k] - w.shape[k]) // stride + 1 for k in (2, 3))
    taps = {}
    for u, v in np.ndindex(U, V):
        taps[u, v] = padded[:, :, u : u + stride * rows : stride, v : v + stride * columns : stride][
            ..., :rows, :columns
        ]
    return padded, taps


def conv_forward(x, w, b, stride, padding):
    _, taps = correlate(x, w, stride, padding)
    return sum(np.einsum("ncij,oc->noij", tap, w[:, :, u, v]) for (u, v), tap in taps.items()) + b[:, None, None]


def conv_backward(dy, x, w, stride, padding):
    _, taps = correlate(x, w, stride, padding)
    padded, back = correlate(np.zeros_like(x), w, stride, padding)
    dw = np.empty_like(w)
    for (u, v), tap in taps.items():
        dw[:, :, u, v] = np.einsum("noij,ncij->oc", dy, tap)
        back[u, v] += np.einsum("noij,oc->ncij", dy, w[:, :, u, v])
    height, width = x.shape[2:]
    return padded[:, :, padding : padding + height, padding : padding + width], dw, dy.sum((0, 2, 3))


def windows(x, size):
    n, c, h, w = x.shape
    h, w = h // size, w // size
    cut = x[:, :, : h * size, : w * size].reshape(n, c, h, size, w, size)
    return cut.swapaxes(3, 4).reshape(n, c, h, w, size * size)


def maxpool_backward(dy, x, size):
    dx = np.zeros_like(x)
    for n, c, p, q in np.ndindex(dy.shape):
        i, j = divmod(int(windows(x, size)[n, c, p, q].argmax()), size)
        dx[n, c, p * size + i, q * size + j] = dy[n, c, p, q]
    return dx


def sigmoid(z):
    e = np.exp(-np.abs(z))
    return np.where(z < 0, e, 1) / (1 + e)


def softmax_cross_entropy(scores, labels):
    e = np.exp(scores - scores.max(1, keepdims=True))
    logs = scores - scores.max(1, keepdims=True) - np.log(e.sum(1, keepdims=True))
    rows = np.arange(len(labels))
    gradient = np.exp(logs)
    gradient[rows, labels] -= 1
    return -logs[rows, labels].mean(), gradient / len(labels)


def lstm_cell(x, h, c, w_ih, w_hh, b):
    i, f, g, o = np.split(x @ w_ih.T + h @ w_hh.T + b, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def adam(w, gradients, lr, beta1, beta2, eps):
    m = v = 0
    for t, g in enumerate(gradients, 1):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        w = w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return w


def momentum(w, g, velocity, lr, mu):
    velocity = mu * velocity + g
    return w - lr * velocity, velocity


SOLUTIONS = {
    "sigmoid": sigmoid,
    "linear_forward": lambda x, w, b: x @ w.T + b,
    "linear_backward": lambda dy, x, w: (dy @ w, dy.T @ x, dy.sum(0)),
    "softmax_cross_entropy": softmax_cross_entropy,
    "conv_forward": conv_forward,
    "conv_backward": conv_backward,
    "maxpool_forward": lambda x, size: windows(x, size).max(-1),
    "maxpool_backward": maxpool_backward,
    "rnn_cell": lambda x, h, w_ih, w_hh, b: np.tanh(x @ w_ih.T + h @ w_hh.T + b),
    "lstm_cell": lstm_cell,
    "momentum": momentum,
    "adam": adam,
    "dropout": lambda x, u, p: x * (u >= p) / (1 - p),
    "batchnorm_forward": lambda x, gamma, beta, eps: gamma * (x - x.mean(0)) / np.sqrt(x.var(0) + eps) + beta,
}


@pytest.fixture(autouse=True)
def no_timing(monkeypatch):
    """Each is timed for 0.2 s three times, which these tests need not wait for."""
    monkeypatch.setattr("pydl.learn.check.BUDGET", 0.0)


@pytest.mark.parametrize("name", NAMES)
def test_right_solution(name):
    verdict = check_solution(EXERCISES[name], SOLUTIONS[name])
    assert verdict.right, verdict.lines
    assert verdict.lines[0] == f"right in all {len(EXERCISES[name].draw())} cases"
    assert "native kernel" in verdict.lines[-1]
    if EXERCISES[name].forward is not None:
        assert "central differences of the forward pass agree" in verdict.lines[1]


@pytest.mark.parametrize(("name", "hint"), [(name, hint) for name in NAMES for hint in EXERCISES[name].mistakes])
def test_usual_mistake_is_recognized(name, hint):
    verdict = check_solution(EXERCISES[name], EXERCISES[name].mistakes[hint])
    assert not verdict.right
    assert any(hint in line for line in verdict.lines), verdict.lines


@pytest.mark.parametrize("name", NAMES)
def test_written_file_is_not_written_yet(name, tmp_path):
    path = write_exercise(name, tmp_path / f"{name}.py")
    (verdict,) = check_file(path)
    assert (verdict.right, verdict.lines) == (False, ("not written yet",))
    with pytest.raises(FileExistsError, match="may hold your work"):
        write_exercise(name, path)
    write_exercise(name, path, overwrite=True)


def test_the_first_wrong_number_and_the_central_difference():
    def wrong(dy, x, w, stride, padding):
        dx, dw, db = conv_backward(dy, x, w, stride, padding)
        dw[0, 0, 1, 2] += 0.5
        return dx, dw, db

    verdict = check_solution(EXERCISES["conv_backward"], wrong)
    case = EXERCISES["conv_backward"].draw()[0]
    right = conv_backward(**case)[1][0, 0, 1, 2]
    assert verdict.lines[0] == f"dw[0, 0, 1, 2] is {right + 0.5:.8g}, expected {right:.8g}"
    assert verdict.lines[1].startswith(f"the central difference there is {right:.6g}"[:-1])
    assert verdict.lines[2] == "1 of the 9 numbers of dw are wrong"


@pytest.mark.parametrize(
    ("solution", "line"),
    [
        (lambda x, w, b: None, "returns None: `return y` is missing"),
        (lambda x, w, b: (x @ w.T + b, 1), "returns 2 results, needs 1: y"),
        (lambda x, w, b: w @ x.T, "y has the shape (2, 1), needs (1, 2)"),
        (lambda x, w, b: 3 * (x @ w.T + b), "All of y is 3 times what it should be."),
        (lambda x, w, b: np.full((1, 2), np.nan), "y[0, 0] is nan, expected"),
        (lambda x, w, b: "y", "returns something that is no array of numbers; needs y"),
        (lambda x, w: x @ w.T, "TypeError"),
        (lambda x, w, b: np.negative(b, out=b), "changes its argument b: work on a copy"),
    ],
)
def test_other_errors(solution, line):
    verdict = check_solution(EXERCISES["linear_forward"], solution)
    assert not verdict.right
    assert any(each.startswith(line) for each in verdict.lines), verdict.lines


def test_overflow_is_found():
    with np.errstate(over="ignore", invalid="ignore"):
        verdict = check_solution(EXERCISES["sigmoid"], lambda z: np.exp(z) / (1 + np.exp(z)))
    assert verdict.lines[0].startswith("y[0] is nan, expected 1")


def test_file_with_an_error_says_its_line(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def dropout(x, u, p):\n    return missing\n")
    (verdict,) = check_file(path)
    assert verdict.lines[0] == "line 2: NameError: name 'missing' is not defined"
    path.write_text("def dropout(x, u, p)\n    return x\n")
    with pytest.raises(ValueError, match="line 1: SyntaxError"):
        check_file(path)
    path.write_text("def drop(x): return x\n")
    with pytest.raises(ValueError, match="no function that is named like an exercise"):
        check_file(path)


def test_command(tmp_path):
    path = tmp_path / "mine.py"

    def run(*arguments):
        command = [sys.executable, "-m", "pydl", "learn", *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)

    assert run("sigmoid", "--out", str(path)).returncode == 0
    assert run("check", str(path)).returncode == 1
    path.write_text("import numpy as np\n\ndef sigmoid(z):\n    return 0.5 + 0.5 * np.tanh(0.5 * z)\n")
    done = run("check", str(path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("sigmoid: right in all 3 cases")
    assert "there is no exercise 'sigmoids'" in run("sigmoids").stderr


def test_answers_do_not_depend_on_the_backend():
    for name in NAMES:
        case = EXERCISES[name].draw()[1]
        native = EXERCISES[name].answer(case)
        with pydl.use_backend("reference"):
            for a, b in zip(native, EXERCISES[name].answer(case), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
