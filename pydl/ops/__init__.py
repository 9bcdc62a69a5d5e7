"""The operations, by family. Each file holds the formula, the pure-Python reference and the gradient of one."""

from typing import TYPE_CHECKING, Any

# Arithmetic
from .abs import abs as abs
from .add import add as add
from .atan2 import atan2 as atan2
from .attention_with_weights import attention_with_weights as attention_with_weights
from .clamp import clamp as clamp
from .clamp import clip as clip
from .div import div as div
from .elementary import acos as acos
from .elementary import acosh as acosh
from .elementary import asin as asin
from .elementary import asinh as asinh
from .elementary import atan as atan
from .elementary import atanh as atanh
from .elementary import ceil as ceil
from .elementary import cos as cos
from .elementary import cosh as cosh
from .elementary import erf as erf
from .elementary import exp2 as exp2
from .elementary import expm1 as expm1
from .elementary import floor as floor
from .elementary import frac as frac
from .elementary import log10 as log10
from .elementary import log1p as log1p
from .elementary import log2 as log2
from .elementary import reciprocal as reciprocal
from .elementary import round as round
from .elementary import rsqrt as rsqrt
from .elementary import sign as sign
from .elementary import sin as sin
from .elementary import sinh as sinh
from .elementary import tan as tan
from .elementary import trunc as trunc
from .exp import exp as exp
from .log import log as log
from .maximum import maximum as maximum
from .minimum import minimum as minimum
from .mul import mul as mul
from .logit import logit as logit
from .nan_to_num import nan_to_num as nan_to_num
from .neg import neg as neg
from .pow import pow as pow
from .lerp import addcdiv as addcdiv
from .lerp import addcmul as addcmul
from .lerp import hypot as hypot
from .lerp import lerp as lerp
from .logaddexp import logaddexp as logaddexp
from .remainder import floor_divide as floor_divide
from .remainder import fmod as fmod
from .remainder import remainder as remainder
from .sqrt import sqrt as sqrt
from .square import square as square
from .sub import sub as sub
from .sum_to import sum_to as sum_to
from .where import where as where

# Comparison
from .eq import eq as eq
from .eq import ne as ne
from .isnan import isfinite as isfinite
from .isnan import isinf as isinf
from .isnan import isnan as isnan
from .logical_and import all as all
from .logical_and import allclose as allclose
from .logical_and import any as any
from .logical_and import bitwise_and as bitwise_and
from .logical_and import bitwise_not as bitwise_not
from .logical_and import bitwise_or as bitwise_or
from .logical_and import bitwise_xor as bitwise_xor
from .logical_and import count_nonzero as count_nonzero
from .logical_and import equal as equal
from .logical_and import isclose as isclose
from .logical_and import logical_and as logical_and
from .logical_and import logical_or as logical_or
from .logical_and import logical_xor as logical_xor
from .logical_not import logical_not as logical_not
from .lt import ge as ge
from .lt import gt as gt
from .lt import le as le
from .lt import lt as lt

# Activations
from .composed_activations import logsigmoid as logsigmoid
from .composed_activations import maxout as maxout
from .composed_activations import rrelu as rrelu
from .composed_activations import softmin as softmin
from .composed_activations import softsign as softsign
from .composed_activations import tanhshrink as tanhshrink
from .elu import celu as celu
from .elu import elu as elu
from .elu import selu as selu
from .gelu import gelu as gelu
from .glu import glu as glu
from .hardtanh import hardshrink as hardshrink
from .hardtanh import hardsigmoid as hardsigmoid
from .hardtanh import hardswish as hardswish
from .hardtanh import hardtanh as hardtanh
from .hardtanh import relu6 as relu6
from .hardtanh import softshrink as softshrink
from .hardtanh import threshold as threshold
from .leaky_relu import leaky_relu as leaky_relu
from .mish import mish as mish
from .prelu import prelu as prelu
from .relu import relu as relu
from .sigmoid import sigmoid as sigmoid
from .silu import silu as silu
from .softplus import softplus as softplus
from .tanh import tanh as tanh

# Reductions
from .amax import amax as amax
from .amax import amin as amin
from .argmax import argmax as argmax
from .argmax import argmin as argmin
from .cummax import cummax as cummax
from .cummax import cummin as cummin
from .cumprod import cumprod as cumprod
from .cumsum import cumsum as cumsum
from .cumsum import prod as prod
from .logsumexp import logsumexp as logsumexp
from .max import max as max
from .max import min as min
from .mean import mean as mean
from .pairwise_distance import pairwise_distance as pairwise_distance
from .sum import sum as sum
from .var import std as std
from .var import std_mean as std_mean
from .var import var as var
from .var import var_mean as var_mean

# Products
from .conv1d import conv1d as conv1d
from .conv2d import conv2d as conv2d
from .conv3d import conv3d as conv3d
from .conv_transpose1d import conv_transpose1d as conv_transpose1d
from .conv_transpose2d import conv_transpose2d as conv_transpose2d
from .conv_transpose3d import conv_transpose3d as conv_transpose3d
from .cosine_similarity import cosine_similarity as cosine_similarity
from .cross import cross as cross
from .einsum import einsum as einsum
from .linear import linear as linear
from .cdist import cdist as cdist
from .matmul import matmul as matmul
from .outer import bmm as bmm
from .outer import dot as dot
from .outer import mm as mm
from .outer import mv as mv
from .outer import outer as outer

# Pooling
from .adaptive_avg_pool1d import adaptive_avg_pool1d as adaptive_avg_pool1d
from .adaptive_avg_pool2d import adaptive_avg_pool2d as adaptive_avg_pool2d
from .adaptive_avg_pool3d import adaptive_avg_pool3d as adaptive_avg_pool3d
from .adaptive_max_pool1d import adaptive_max_pool1d as adaptive_max_pool1d
from .adaptive_max_pool2d import adaptive_max_pool2d as adaptive_max_pool2d
from .adaptive_max_pool3d import adaptive_max_pool3d as adaptive_max_pool3d
from .avg_pool1d import avg_pool1d as avg_pool1d
from .avg_pool2d import avg_pool2d as avg_pool2d
from .avg_pool3d import avg_pool3d as avg_pool3d
from .max_pool1d import max_pool1d as max_pool1d
from .max_pool2d import max_pool2d as max_pool2d
from .max_pool3d import max_pool3d as max_pool3d

# Recurrent
from .gru import gru as gru
from .gru_cell import gru_cell as gru_cell
from .keep_steps import keep_steps as keep_steps
from .lstm import lstm as lstm
from .lstm_cell import lstm_cell as lstm_cell
from .lstm_recurrence import lstm_recurrence as lstm_recurrence
from .rnn import rnn as rnn
from .rnn_cell import rnn_cell as rnn_cell

# Probabilities
from .gumbel_softmax import gumbel_softmax as gumbel_softmax
from .log_softmax import log_softmax as log_softmax
from .softmax import softmax as softmax

# Attention
from .scaled_dot_product_attention import scaled_dot_product_attention as scaled_dot_product_attention

# Losses
from .binary_cross_entropy import binary_cross_entropy as binary_cross_entropy
from .binary_cross_entropy_with_logits import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
from .cosine_embedding_loss import cosine_embedding_loss as cosine_embedding_loss
from .cross_entropy import cross_entropy as cross_entropy
from .ctc_loss import ctc_loss as ctc_loss
from .gaussian_nll_loss import gaussian_nll_loss as gaussian_nll_loss
from .hinge_embedding_loss import hinge_embedding_loss as hinge_embedding_loss
from .huber_loss import huber_loss as huber_loss
from .kl_div import kl_div as kl_div
from .l1_loss import l1_loss as l1_loss
from .margin_ranking_loss import margin_ranking_loss as margin_ranking_loss
from .mse_loss import mse_loss as mse_loss
from .multi_margin_loss import multi_margin_loss as multi_margin_loss
from .multi_margin_loss import multilabel_margin_loss as multilabel_margin_loss
from .nll_loss import nll_loss as nll_loss
from .poisson_nll_loss import poisson_nll_loss as poisson_nll_loss
from .smooth_l1_loss import smooth_l1_loss as smooth_l1_loss
from .soft_margin_loss import multilabel_soft_margin_loss as multilabel_soft_margin_loss
from .soft_margin_loss import soft_margin_loss as soft_margin_loss
from .triplet_margin_loss import triplet_margin_loss as triplet_margin_loss
from .triplet_margin_loss import triplet_margin_with_distance_loss as triplet_margin_with_distance_loss

# Shape, parts, copies
from .cat import cat as cat
from .cat import stack as stack
from .clone import clone as clone
from .clone import contiguous as contiguous
from .clone import to as to
from .embedding import embedding as embedding
from .embedding_bag import embedding_bag as embedding_bag
from .expand import broadcast_to as broadcast_to
from .expand import expand as expand
from .expand import repeat as repeat
from .expand import repeat_interleave as repeat_interleave
from .expand import tile as tile
from .flip import flip as flip
from .flip import roll as roll
from .fold import fold as fold
from .gather import gather as gather
from .gather import index_select as index_select
from .getitem import getitem as getitem
from .interpolate import interpolate as interpolate
from .masked_fill import masked_fill as masked_fill
from .masked_fill import masked_select as masked_select
from .norm import norm as norm
from .normalize import normalize as normalize
from .one_hot import one_hot as one_hot
from .pad import pad as pad
from .pixel_shuffle import channel_shuffle as channel_shuffle
from .pixel_shuffle import pixel_shuffle as pixel_shuffle
from .pixel_shuffle import pixel_unshuffle as pixel_unshuffle
from .reshape import flatten as flatten
from .reshape import reshape as reshape
from .reshape import squeeze as squeeze
from .reshape import unsqueeze as unsqueeze
from .reshape import view as view
from .scatter_add import index_add as index_add
from .scatter_add import scatter as scatter
from .scatter_add import scatter_add as scatter_add
from .setitem import setitem as setitem
from .kthvalue import kthvalue as kthvalue
from .kthvalue import mode as mode
from .sort import argsort as argsort
from .sort import sort as sort
from .sort import topk as topk
from .split import chunk as chunk
from .split import split as split
from .split import unbind as unbind
from .transpose import matrix as matrix
from .transpose import matrix_transpose as matrix_transpose
from .transpose import movedim as movedim
from .transpose import permute as permute
from .transpose import transpose as transpose
from .triu import diag as diag
from .triu import diagonal as diagonal
from .triu import tril as tril
from .triu import triu as triu

# Normalisation
from .batch_norm import batch_norm as batch_norm
from .group_norm import group_norm as group_norm
from .group_norm import instance_norm as instance_norm
from .local_response_norm import local_response_norm as local_response_norm
from .layer_norm import layer_norm as layer_norm
from .rms_norm import rms_norm as rms_norm

# Regularisation
from .channel_dropout import alpha_dropout as alpha_dropout
from .channel_dropout import dropout1d as dropout1d
from .channel_dropout import dropout2d as dropout2d
from .channel_dropout import dropout3d as dropout3d
from .dropout import dropout as dropout
from .unfold import unfold as unfold

if TYPE_CHECKING:
    from .composed_arithmetic import *  # noqa: F403
    from .composed_joins import *  # noqa: F403
    from .composed_products import *  # noqa: F403
    from .composed_shapes import *  # noqa: F403
    from .counting import *  # noqa: F403
    from .order_statistics import *  # noqa: F403

# Imported on first use, so that `import pydl` stays quick: operations that are made of others.
LATER = {
    "composed_arithmetic": """
        deg2rad isneginf isposinf rad2deg xlogy""",
    "composed_joins": """
        block_diag broadcast_tensors cartesian_prod column_stack combinations concat concatenate dstack hsplit
        hstack meshgrid row_stack tensor_split vsplit vstack""",
    "composed_products": """
        addbmm addmm addmv addr baddbmm corrcoef cov dist inner kron tensordot trace vdot""",
    "composed_shapes": """
        atleast_1d atleast_2d atleast_3d diag_embed diagflat diff expand_as fliplr flipud index_copy
        index_fill masked_scatter moveaxis narrow ravel reshape_as rot90 select swapaxes swapdims t take
        take_along_dim type_as unflatten unfold_dimension view_as""",
    "counting": """
        argwhere bincount bucketize histc histogram is_nonzero isin nonzero searchsorted tril_indices
        triu_indices unique unique_consecutive""",
    "order_statistics": "median msort nanmean nanmedian nanquantile nansum quantile",
}
_MODULES = {name: module for module, names in LATER.items() for name in names.split()}

NAMES = frozenset(
    name for name, value in globals().items() if name[0] != "_" and callable(value) and value is not Any
) | set(_MODULES)


def __getattr__(name: str) -> Any:
    import importlib

    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
