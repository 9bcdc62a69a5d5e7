"""Three tasks that ask a recurrent network to remember.

    adding    every step shows a number from U(0, 1) and a marker; two markers are 1, one in each half of the sequence.
              Wanted: the sum of the two marked numbers. Who answers 1 always has the mean square error 1/6.
    copying   ten digits from 1 to 8, then T blanks, of which the last is a sign (9) that asks for the digits again.
              Who answers at random has the cross-entropy 10 ln 8 / (T + 20) a step.
    recall    every step shows a number from U(-1, 1) and two markers, for a number to keep and for a question, each of
              which is 1 in an eighth of the steps. Wanted: at a question the number kept last, at other steps 0.

Source: Hochreiter, Schmidhuber, "Long short-term memory", Neural Computation 9 (1997) (adding); Arjovsky, Shah, Bengio,
"Unitary evolution recurrent neural networks", ICML 2016 (copying, and adding in this form)
"""

from __future__ import annotations

import numpy as np

from ..arguments import Array

DIGITS, SYMBOLS = 10, 10  # of the copying task: how many digits, and 8 digits, the blank and the sign


def adding(rng: np.random.Generator, T: int, B: int) -> tuple[Array, Array]:
    """Input (T, B, 2) and target (B, 1) of B sequences."""
    x = np.zeros((T, B, 2), np.float32)
    x[..., 0] = rng.random((T, B), np.float32)
    half = T // 2
    for low, high in ((0, half), (half, T)):
        x[rng.integers(low, high, B), np.arange(B), 1] = 1.0
    target: Array = (x[..., 0] * x[..., 1]).sum(axis=0)
    return x, target[:, None]


def copying(rng: np.random.Generator, T: int, B: int) -> tuple[Array, Array]:
    """Input (T + 20, B, 10), one of ten symbols in each step, and the symbols wanted (T + 20, B)."""
    digits = rng.integers(1, 9, (DIGITS, B))
    shown = np.zeros((T + 2 * DIGITS, B), np.int64)
    shown[:DIGITS] = digits
    shown[DIGITS + T - 1] = 9
    wanted = np.zeros_like(shown)
    wanted[-DIGITS:] = digits
    return np.eye(SYMBOLS, dtype=np.float32)[shown], wanted


def recall(rng: np.random.Generator, T: int, B: int) -> tuple[Array, Array]:
    """Input (T, B, 3), a number and the two markers, and the numbers wanted (T, B, 1)."""
    kind = rng.integers(0, 8, (T, B))
    x = np.stack([rng.uniform(-1, 1, (T, B)), kind == 1, kind == 2], axis=2).astype(np.float32)
    kept = np.zeros((T, B), np.float32)
    for t in range(T):
        kept[t] = np.where(kind[t] == 1, x[t, :, 0], kept[t - 1])  # kept[-1] is still 0 when t is 0
    return x, (kept * x[..., 2])[..., None]
