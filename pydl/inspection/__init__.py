"""Looking into a model: which layers it has, what each of them makes and costs, where the time goes."""

from .profile import LayerProfile as LayerProfile
from .profile import Profile as Profile
from .profile import profile as profile
from .summary import LayerSummary as LayerSummary
from .summary import Summary as Summary
from .summary import summary as summary
