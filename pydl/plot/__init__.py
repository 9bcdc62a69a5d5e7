"""Pictures of a training, written as image files. Needs matplotlib: pip install 'pydl-cpu[plot]'."""

from .canvas import BLUE as BLUE
from .canvas import GREY as GREY
from .canvas import ORANGE as ORANGE
from .canvas import new_figure as new_figure
from .canvas import write_figure as write_figure
from .network import feature_maps as feature_maps
from .network import filters as filters
from .network import images as images
from .network import layer_histograms as layer_histograms
from .network import most_confused as most_confused
from .sequences import attention as attention
from .sequences import spectrogram as spectrogram
from .training import bars as bars
from .training import confusion_matrix as confusion_matrix
from .training import learning_curve as learning_curve
from .training import learning_rates as learning_rates
from .training import predictions as predictions
from .training import reliability as reliability
