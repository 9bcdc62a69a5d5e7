"""The update rules: each file holds the formula, the pure-Python reference and the optimizer of one."""

from . import lr_scheduler as lr_scheduler
from .adadelta import Adadelta as Adadelta
from .adagrad import Adagrad as Adagrad
from .adam import Adam as Adam
from .adamax import Adamax as Adamax
from .adamw import AdamW as AdamW
from .clip_grad_norm import clip_grad_norm_ as clip_grad_norm_
from .clip_grad_value import clip_grad_value_ as clip_grad_value_
from .clip_max_norm import clip_max_norm_ as clip_max_norm_
from .clip_max_norm import l1_penalty as l1_penalty
from .clip_max_norm import l2_penalty as l2_penalty
from .ema import EMA as EMA
from .nadam import NAdam as NAdam
from .optimizer import Optimizer as Optimizer
from .radam import RAdam as RAdam
from .rmsprop import RMSprop as RMSprop
from .sgd import SGD as SGD
from .sparse_adam import SparseAdam as SparseAdam
