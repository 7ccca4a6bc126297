"""Right and wrong uses as type checkers see them: mypy and pyright report the marked lines, and no other."""

from typing import Annotated, Any, TypeAlias

import numpy as np
import torch

import lossspec
from lossspec import Loss, Mean, Partial, binary_cross_entropy, cross_entropy, dice, dpo, huber, loss, z_loss
from lossspec.losses import focal
from lossspec.terms import Positive, Real

x, y, labels = np.zeros((2, 3)), np.ones((2, 3)), np.zeros(2, int)
reduction: str = "mean"
RealArray: TypeAlias = Annotated[Any, Real["*batch"]]


def names() -> None:
    """Use names that are there, in the right place and in a wrong one, and a name that is not."""
    known: list[Loss] = [huber, focal, lossspec.dice]
    wrong: list[int] = known  # type: ignore[assignment]
    wrong.append(lossspec.nosuch)  # type: ignore[attr-defined]


def calls() -> None:
    """Give arguments by position and by name, too few, too many, unknown ones and of another type."""
    huber(x, y, delta=2.0, reduction="sum", sample_weight=y, where=x > 0, empty=0.0)
    huber(predictions=torch.zeros(3), targets=torch.zeros(3), delta=torch.ones(()), reduction=Mean(over=4))
    huber(x, y, delta=(0.5, 1.0, 2.0), reduction=None, empty="nan")
    cross_entropy(x, labels, class_weight=y[0], ignore_index=-100, axis=1, label_smoothing=0.1)
    z_loss([x, y])
    huber(x)  # type: ignore[call-arg]
    huber(x, y, x)  # type: ignore[call-arg]
    huber(x, y, delt=2.0)  # type: ignore[call-arg]
    huber(x, y, class_weight=y)  # type: ignore[call-arg]
    huber(x, y, delta="2")  # type: ignore[arg-type]
    huber(x, "nonsense")  # type: ignore[arg-type]
    huber([1.0], y)  # type: ignore[arg-type]
    huber(x, y, empty="zero")  # type: ignore[arg-type]
    dice(x, y, empty=None)  # type: ignore[arg-type]


def reductions() -> None:
    """Name a reduction that the loss has, one that no loss has, and one of other losses."""
    huber(x, y, reduction="count_mean")
    huber(x, y, reduction="men")  # type: ignore[arg-type]
    huber(x, y, reduction="token_mean")  # type: ignore[arg-type]
    huber(x, y, reduction=reduction)  # type: ignore[arg-type]
    huber.configured(reduction="men")  # type: ignore[arg-type]


def methods() -> None:
    """Call the methods of a loss, which take the arguments of its call."""
    part: Partial = huber.partial(x, y, delta=2.0)
    huber.per_example(x, y, delta=2.0)
    huber.check(x, y, where=x > 0)
    print(part, huber.explain(x, y))
    huber.value_and_grad(x, y, wrt=("predictions", "targets"), delta=2.0, sample_weight=y)
    huber.grad(x, y, wrt="targets", reduction="sum")
    binary_cross_entropy.grad_hess(x, y, sample_weight=y)
    huber.configured(delta=2.0)(x, y, delta=3.0)
    huber.per_example(x, y, delt=2.0)  # type: ignore[call-arg]
    huber.partial(x)  # type: ignore[call-arg]
    huber.explain(x, y, where="all")  # type: ignore[arg-type]
    huber.grad(x, y, wrt="prediction")  # type: ignore[arg-type]
    cross_entropy.grad(x, labels, wrt="axis")  # type: ignore[arg-type]
    huber.value_and_grad(x, y, delt=2.0)  # type: ignore[call-arg]
    huber.configured(delt=2.0)  # type: ignore[call-arg]
    huber.configured(where=x > 0)  # type: ignore[call-arg]
    huber.configured(delta=2.0)(x, y, delt=3.0)  # type: ignore[call-arg]


def own(other: Loss) -> Any:
    """Declare a loss, sum losses and find one by name: these take anything, as what is declared is known to run."""

    @loss(family="regression", unit="element", source="this file")
    def ours(predictions: RealArray, targets: RealArray, *, power: Annotated[float, Positive] = 2.0) -> RealArray:
        """The difference to a power."""
        return (predictions - targets) ** power

    (0.5 * huber + dpo)(x, y, delta=2.0)
    return ours(x, y, power=3.0, reduction=reduction), other(x), lossspec.get("huber")(x, y)
