"""Looking into a model: which layers it has, what each of them makes and costs, where the time goes."""

from .layer_profile import LayerProfile as LayerProfile
from .layer_profile import Profile as Profile
from .layer_profile import profile as profile
from .layer_summary import LayerSummary as LayerSummary
from .layer_summary import Summary as Summary
from .layer_summary import summary as summary
