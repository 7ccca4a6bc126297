"""Losses of two images: of their structure, of features of a network, of pixels, and of depth."""

# This is the order of `lossspec list`.
# isort: off
from lossspec.losses.image import structure, features, pixels, depth
from lossspec.losses.image.structure import *  # noqa: F403
from lossspec.losses.image.features import *  # noqa: F403
from lossspec.losses.image.pixels import *  # noqa: F403
from lossspec.losses.image.depth import *  # noqa: F403

__all__ = [*structure.__all__, *features.__all__, *pixels.__all__, *depth.__all__]
