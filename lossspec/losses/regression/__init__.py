"""Losses of a number: errors, robust errors, and likelihoods."""

# This is the order of `lossspec list`.
# isort: off
from lossspec.losses.regression import errors, robust, likelihoods
from lossspec.losses.regression.errors import *  # noqa: F403
from lossspec.losses.regression.robust import *  # noqa: F403
from lossspec.losses.regression.likelihoods import *  # noqa: F403

__all__ = [*errors.__all__, *robust.__all__, *likelihoods.__all__]
