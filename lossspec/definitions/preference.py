"""Definitions of the preference losses."""

from typing import Any

from mpmath import log

from lossspec.definitions.common import sigmoid


def dpo(policy_chosen: Any, policy_rejected: Any, reference_chosen: Any, reference_rejected: Any, beta: Any) -> Any:
    chosen, rejected = policy_chosen - reference_chosen, policy_rejected - reference_rejected
    return -log(sigmoid(beta * (chosen - rejected)))
