"""Training: the loop, what runs beside it, and the figures that judge it."""

from .callback import Callback as Callback
from .checkpoint import Checkpoint as Checkpoint
from .checkpoint import read_checkpoint as read_checkpoint
from .early_stopping import EarlyStopping as EarlyStopping
from .history import History as History
from .lr_schedule import LRSchedule as LRSchedule
from .metrics import accuracy as accuracy
from .metrics import confusion_matrix as confusion_matrix
from .progress_bar import ProgressBar as ProgressBar
from .trainer import Trainer as Trainer
