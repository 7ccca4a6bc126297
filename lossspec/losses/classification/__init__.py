"""Losses of a class: of logits, of probabilities, of yes/no targets, and with the last layer of a classifier."""

from lossspec.losses.classification import binary, logits, output_layers, probabilities
from lossspec.losses.classification.binary import *  # noqa: F403
from lossspec.losses.classification.logits import *  # noqa: F403
from lossspec.losses.classification.output_layers import *  # noqa: F403
from lossspec.losses.classification.probabilities import *  # noqa: F403

__all__ = [*binary.__all__, *logits.__all__, *output_layers.__all__, *probabilities.__all__]
