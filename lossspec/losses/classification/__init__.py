"""Losses of a class: of logits, of probabilities, of yes/no targets, and with the last layer of a classifier."""

# This is the order of `lossspec list`.
# isort: off
from lossspec.losses.classification import (
    logits,
    sparse,
    tempered,
    long_tail,
    noisy,
    binary,
    multi_label,
    ordinal,
    probabilities,
    output_layers,
    linear,
)
from lossspec.losses.classification.logits import *  # noqa: F403
from lossspec.losses.classification.sparse import *  # noqa: F403
from lossspec.losses.classification.tempered import *  # noqa: F403
from lossspec.losses.classification.long_tail import *  # noqa: F403
from lossspec.losses.classification.noisy import *  # noqa: F403
from lossspec.losses.classification.binary import *  # noqa: F403
from lossspec.losses.classification.multi_label import *  # noqa: F403
from lossspec.losses.classification.ordinal import *  # noqa: F403
from lossspec.losses.classification.probabilities import *  # noqa: F403
from lossspec.losses.classification.output_layers import *  # noqa: F403
from lossspec.losses.classification.linear import *  # noqa: F403

__all__ = [
    *logits.__all__,
    *sparse.__all__,
    *tempered.__all__,
    *long_tail.__all__,
    *noisy.__all__,
    *binary.__all__,
    *multi_label.__all__,
    *ordinal.__all__,
    *probabilities.__all__,
    *output_layers.__all__,
    *linear.__all__,
]
