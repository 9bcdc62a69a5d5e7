"""The number types under PyTorch's names, and the constants: numpy dtypes, so that x.dtype == pydl.float32 and
pydl.zeros(2, dtype=pydl.int64) mean what they say. Networks compute in float32 and float64."""

import math

import numpy as np

float32 = float = np.dtype(np.float32)
float64 = double = np.dtype(np.float64)
int8 = np.dtype(np.int8)
int16 = short = np.dtype(np.int16)
int32 = int = np.dtype(np.int32)
int64 = long = np.dtype(np.int64)
uint8 = np.dtype(np.uint8)
bool = np.dtype(np.bool_)
pi, e, inf, nan = math.pi, math.e, math.inf, math.nan
