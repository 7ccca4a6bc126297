"""Terms, the difference of log-ratios and the declaration that losses of pairs of answers share."""

from functools import partial
from typing import Any

from lossspec.declaration import loss
from lossspec.numerics import log_difference
from lossspec.terms import Array, LogProbability, NonNegative, Positive

Logp: Any = LogProbability["*batch"]
"""The log-probability of a whole answer, or its mean over tokens."""
Beta: Any = Positive["#*batch"]
Factor: Any = NonNegative["#*batch"]

pair_loss = partial(loss, family="preference", unit="pair")

GAP = "((policy_chosen - reference_chosen) - (policy_rejected - reference_rejected))"


def log_ratio_gap(
    policy_chosen: Array, policy_rejected: Array, reference_chosen: Array, reference_rejected: Array
) -> Array:
    """The log-ratio of policy to reference of the chosen answer minus that of the rejected one."""
    return log_difference(policy_chosen, reference_chosen) - log_difference(policy_rejected, reference_rejected)
