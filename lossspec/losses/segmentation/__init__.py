"""Losses of the regions of an image: overlap, its extensions, boundaries, and sums with a likelihood."""

# This is the order of `lossspec list`.
# isort: off
from lossspec.losses.segmentation import overlap, combined, focal, lovasz, boundaries, distances, skeletons
from lossspec.losses.segmentation.overlap import *  # noqa: F403
from lossspec.losses.segmentation.combined import *  # noqa: F403
from lossspec.losses.segmentation.focal import *  # noqa: F403
from lossspec.losses.segmentation.lovasz import *  # noqa: F403
from lossspec.losses.segmentation.boundaries import *  # noqa: F403
from lossspec.losses.segmentation.distances import *  # noqa: F403
from lossspec.losses.segmentation.skeletons import *  # noqa: F403

__all__ = [
    *overlap.__all__,
    *combined.__all__,
    *focal.__all__,
    *lovasz.__all__,
    *boundaries.__all__,
    *distances.__all__,
    *skeletons.__all__,
]
