"""Divergences of two distributions: of classes, of Gaussians, of policies, of samples, of sets of points, of views."""

# This is the order of `lossspec list`.
# isort: off
from lossspec.losses.divergence import categorical, gaussian, policies, samples, transport, views
from lossspec.losses.divergence.categorical import *  # noqa: F403
from lossspec.losses.divergence.gaussian import *  # noqa: F403
from lossspec.losses.divergence.policies import *  # noqa: F403
from lossspec.losses.divergence.samples import *  # noqa: F403
from lossspec.losses.divergence.transport import *  # noqa: F403
from lossspec.losses.divergence.views import *  # noqa: F403

__all__ = [
    *categorical.__all__,
    *gaussian.__all__,
    *policies.__all__,
    *samples.__all__,
    *transport.__all__,
    *views.__all__,
]
