"""Losses of two images: of their structure, of features of a network, and of pixels."""

from lossspec.losses.image import features, pixels, structure
from lossspec.losses.image.features import *  # noqa: F403
from lossspec.losses.image.pixels import *  # noqa: F403
from lossspec.losses.image.structure import *  # noqa: F403

__all__ = [*features.__all__, *pixels.__all__, *structure.__all__]
