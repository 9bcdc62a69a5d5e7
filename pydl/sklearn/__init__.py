"""Estimators for scikit-learn: NeuralClassifier and NeuralRegressor, for Pipeline, GridSearchCV, cross_val_score."""

try:
    import sklearn as _sklearn  # noqa: F401
except ImportError as error:
    raise ImportError('pydl.sklearn needs scikit-learn: pip install "pydl-cpu[sklearn]"') from error

from .classifier import NeuralClassifier as NeuralClassifier
from .regressor import NeuralRegressor as NeuralRegressor
