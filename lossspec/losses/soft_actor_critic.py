"""Losses of soft actor-critic: of the policy, its temperature and the values, which count the entropy as a reward.

Each takes the others' outputs as inputs, constants by convention as in the losses of `policy.py`.
"""

from math import inf

from lossspec.declaration import Equal, loss
from lossspec.numerics import array_namespace, first_largest
from lossspec.terms import Array, LogDensity, NonNegative, Positive, PositiveAmount, Real, UnitInterval

__all__ = ["sac_actor", "sac_critic", "sac_temperature"]


def _least(values: Array) -> Array:
    """The least of the estimates of a value; of equal ones the first has the gradient."""
    return -first_largest(-values)


@loss(
    family="policy",
    unit="action",
    source="Haarnoja, Zhou, Abbeel and Levine 2018, arXiv:1801.01290, equation 12; the least of two values: Fujimoto, "
    "van Hoof and Meger 2018, arXiv:1802.09477 (formulas from memory, not read)",
    aliases=("soft_actor",),
    equals=(Equal("torch", "temperature * log_probabilities - values.min(-1).values"),),
    sizes={"batch": 3, "critics": 2},
)
def sac_actor(
    log_probabilities: LogDensity["*batch"],
    values: Real["*batch critics"],
    *,
    temperature: Positive["#*batch"] = 0.2,
) -> Real["*batch"]:
    """SAC policy loss (soft actor-critic): the log-density of an action times a temperature, less its value.

    l = temperature * log_probabilities - min_k values_k.

    Shapes: `log_probabilities` [*batch], the log-densities of actions that the policy has just drawn, which may be
    above 0; `values` [*batch critics], what each critic estimates for the same actions; `temperature` > 0
    -> action [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over actions. Of equal estimates the
    first has the gradient. The actions are functions of the parameters of the policy: the gradient goes through both
    inputs, 1 times temperature into the one and -1 into the least of the other.
    Errors: `ContractError` for another shape or a temperature that is not above 0, `DTypeError` for integers.
    Equals: the actor's loss of the paper, with one critic or two.

    >>> import numpy as np
    >>> float(sac_actor(np.asarray([-1.0]), np.asarray([[3.0, 2.0]]), temperature=0.5))
    -2.5
    """
    return temperature * log_probabilities - _least(values)


@loss(
    family="policy",
    unit="action",
    source="Haarnoja et al. 2018, arXiv:1812.05905, equation 18 (formula from memory, not read)",
    equals=(Equal("torch", "-temperatures * (log_probabilities + target_entropy)"),),
)
def sac_temperature(
    log_probabilities: LogDensity["*batch"],
    temperatures: PositiveAmount["#*batch"],
    *,
    target_entropy: Real["#*batch"] = -1.0,
) -> Real["*batch"]:
    """SAC temperature loss (soft actor-critic): raises the temperature while the entropy is below its target.

    l = -temperatures * (log_probabilities + target_entropy).

    Shapes: `log_probabilities` [*batch], the log-densities of actions that the policy has drawn, which may be above 0;
    `temperatures` > 0, of the same shape or, for one temperature, with axes of size 1; `target_entropy`, any real
    number, in the paper minus the number of dimensions of an action -> action [*batch].
    Weights and mean: the common contract; "mean" divides by the sum of weights over actions. It is trained in
    `temperatures`: wrt="temperatures". Log-probabilities are constants by convention; the gradient in them is the
    mathematical one.
    Errors: `ContractError` for another shape, `DTypeError` for integers or mixed dtypes; a temperature that is not
    above 0 raises under `checking("values")`.
    Equals: the loss of the paper. Code that has the logarithm of a temperature in its place has another gradient.

    >>> import numpy as np
    >>> float(sac_temperature(np.asarray([-1.0, 2.0]), np.asarray([0.5])))  # -0.5 * (-2) and -0.5 * 1
    0.25
    """
    return -temperatures * (log_probabilities + target_entropy)


@loss(
    family="value_learning",
    unit="example",
    source="Haarnoja, Zhou, Abbeel and Levine 2018, arXiv:1801.01290, equations 7 and 8; without a network of state "
    "values: Haarnoja et al. 2018, arXiv:1812.05905 (formulas from memory, not read)",
    aliases=("soft_q", "soft_bellman_residual"),
    equals=(
        Equal(
            "torch",
            "0.5 * (values - rewards - discounts * (next_values.min(-1).values"
            " - temperature * next_log_probabilities)) ** 2",
        ),
    ),
    sizes={"batch": 3, "critics": 2},
)
def sac_critic(
    values: Real["*batch"],
    rewards: Real["*batch"],
    discounts: UnitInterval["*batch"],
    next_values: Real["*batch critics"],
    next_log_probabilities: LogDensity["*batch"],
    *,
    temperature: NonNegative["#*batch"] = 0.2,
) -> Real["*batch"]:
    """SAC value loss (soft actor-critic): half the squared error of a value from its soft Bellman target.

    l = (values - target)^2 / 2, with
    target = rewards + discounts * (min_k next_values_k - temperature * next_log_probabilities).

    Shapes: `values` and `rewards` [*batch], any real numbers; `discounts` [*batch] in [0, 1], 0 where an episode ends;
    `next_values` [*batch critics], what each critic with its slow weights estimates for an action that the policy draws
    in the next state; `next_log_probabilities` [*batch], the log-densities of these actions; `temperature` >= 0
    -> example [*batch].
    Weights and mean: the common contract; importance weights of replayed examples are `sample_weight`. All inputs but
    `values` make the target, a constant by convention; the gradients in them are the mathematical ones, of equal
    estimates in the first. Where an episode ends, or the temperature is 0, an impossible action counts nothing.
    Errors: `ContractError` for another shape or a parameter outside its domain, `DTypeError` for integers.
    Equals: with temperature=0 half the squared one-step TD error, that of DQN and of TD3. Code for two critics adds
    the losses of both, some without the factor 1/2.

    >>> import numpy as np
    >>> one = np.ones(1)
    >>> float(sac_critic(one, one, 0.5 * one, np.asarray([[4.0, 6.0]]), -one, temperature=2.0))  # target 1 + 0.5 * 6
    4.5
    """
    xp = array_namespace(values)
    factor = discounts * temperature
    nothing = (factor == 0) & (next_log_probabilities == -inf)
    bonus = factor * xp.where(nothing, 0.0, next_log_probabilities)
    return 0.5 * (values - (rewards + (discounts * _least(next_values) - bonus))) ** 2
