"""Training: the loop, what runs beside it, and the figures that judge it."""

from .callback import Callback as Callback
from .checkpoint import Checkpoint as Checkpoint
from .checkpoint import read_checkpoint as read_checkpoint
from .early_stopping import EarlyStopping as EarlyStopping
from .history import History as History
from .lr_schedule import LRSchedule as LRSchedule
from .metrics import accuracy as accuracy
from .metrics import confusion_matrix as confusion_matrix
from .probability_metrics import f1 as f1
from .probability_metrics import log_loss as log_loss
from .probability_metrics import precision as precision
from .probability_metrics import precision_recall_f1 as precision_recall_f1
from .probability_metrics import recall as recall
from .probability_metrics import roc_auc as roc_auc
from .probability_metrics import top_k_accuracy as top_k_accuracy
from .progress_bar import ProgressBar as ProgressBar
from .regression_metrics import mean_absolute_error as mean_absolute_error
from .regression_metrics import r2_score as r2_score
from .text_metrics import bleu as bleu
from .text_metrics import chrf as chrf
from .trainer import Trainer as Trainer
