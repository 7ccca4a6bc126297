"""Calls of every function of optax.losses, after its documentation: their arguments, options and edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax.losses

from dialects import draws
from dialects.judge import Excepted, Sample, changed, factors_of, quiet, strictly
from lossspec.conformance.probes import probe_of
from lossspec.dialects import optax as dialect
from lossspec.dispatch import array_namespace, get_backend

SUITE = "documentation"
LEFT_OUT = {
    "ctc_loss_with_forward_probs": "it returns the forward variables of its recurrence, which are no loss",
}
"""Functions of optax.losses that the dialect has not."""

FUNCTIONS = sorted(name for name in dir(optax.losses) if callable(getattr(optax.losses, name)) and name[0] != "_")

_random = np.random.default_rng(7)
REAL, OTHER = _random.normal(size=(2, 3, 4)) * 2, _random.normal(size=(2, 3, 4))
ROWS = REAL[0]
PARTS = _random.dirichlet(np.ones(4), (2, 3))
SIGNS = np.where(OTHER > 0, 1.0, -1.0)
FLAGS = (OTHER > 0).astype(np.float64)
LABELS = _random.integers(0, 4, (2, 3))
KEPT = np.array([[[True, True, False, True]] * 3, [[True, False, True, True]] * 3])
LOGS = np.log(_random.dirichlet(np.ones(4), (2, 3)))
INSIDE = np.argmax(KEPT, axis=-1)


def _max(scores: Any) -> Any:
    """The largest score, and half of their mean."""
    xp = array_namespace(scores)
    return xp.max(scores) + 0.5 * xp.mean(scores)


CALLS: dict[str, list[tuple[tuple[Any, ...], dict[str, Any]]]] = {
    "squared_error": [((REAL, OTHER), {}), ((REAL,), {})],
    "l2_loss": [((REAL, OTHER), {}), ((REAL,), {})],
    "huber_loss": [((REAL, OTHER), {}), ((REAL,), {"delta": 0.5}), ((ROWS, OTHER), {"delta": 2.0})],
    "log_cosh": [((REAL, OTHER), {}), ((REAL,), {}), ((REAL * 100, OTHER), {})],
    "sigmoid_binary_cross_entropy": [((REAL, FLAGS), {}), ((REAL, PARTS), {}), ((REAL, FLAGS.astype(int)), {})],
    "sigmoid_focal_loss": [
        ((REAL, PARTS), {}),
        ((REAL, FLAGS.astype(int)), {"alpha": 0.25, "gamma": 1.0}),
        ((ROWS, PARTS), {"gamma": 3.0}),
    ],
    "hinge_loss": [((REAL, SIGNS), {}), ((REAL, OTHER), {}), ((ROWS, SIGNS), {})],
    "perceptron_loss": [((REAL, SIGNS), {}), ((REAL, OTHER), {})],
    "sparsemax_loss": [((REAL, FLAGS), {}), ((REAL, FLAGS.astype(int)), {}), ((REAL, FLAGS > 0), {})],
    "multiclass_sparsemax_loss": [((ROWS, LABELS[0]), {}), ((ROWS * 5, LABELS[1]), {})],
    "multiclass_hinge_loss": [((REAL, LABELS), {}), ((ROWS, LABELS[0]), {})],
    "multiclass_perceptron_loss": [((REAL, LABELS), {}), ((ROWS, LABELS[0]), {})],
    "softmax_cross_entropy": [
        ((REAL, PARTS), {}),
        ((REAL, OTHER), {}),
        ((REAL, PARTS), {"axis": 1}),
        ((REAL, PARTS), {"axis": (0, 2)}),
        ((REAL, PARTS), {"axis": None}),
        ((REAL, PARTS), {"where": KEPT}),
        ((REAL, PARTS), {"axis": 1, "where": np.array([True, True, False])[None, :, None]}),
        ((REAL, PARTS), {"where": KEPT & (np.arange(3) > 0)[None, :, None]}),
        ((REAL, ROWS), {}),
    ],
    "safe_softmax_cross_entropy": [
        ((REAL, PARTS), {}),
        ((np.array([[0.0, -np.inf, 1.0]]), np.array([[0.5, 0.0, 0.5]])), {}),
    ],
    "softmax_cross_entropy_with_integer_labels": [
        ((REAL, LABELS), {}),
        ((REAL, LABELS[:, :1].repeat(4, 1) % 3), {"axis": 1}),
        ((REAL, LABELS[0]), {"axis": (0, 2)}),
        ((REAL, INSIDE), {"where": KEPT}),
        ((REAL, INSIDE), {"where": KEPT & (np.arange(3) > 0)[None, :, None]}),
    ],
    "poly_loss_cross_entropy": [
        ((REAL, PARTS), {}),
        ((REAL, PARTS), {"epsilon": -0.5, "axis": 1}),
        ((REAL, PARTS), {"where": KEPT}),
        ((REAL, PARTS), {"axis": None}),
    ],
    "kl_divergence": [
        ((LOGS, PARTS), {}),
        ((LOGS, PARTS), {"axis": 1}),
        ((LOGS, PARTS), {"axis": None, "where": KEPT}),
        ((LOGS, np.eye(4)[LABELS]), {}),
    ],
    "kl_divergence_with_log_targets": [
        ((LOGS, np.log(PARTS)), {}),
        ((LOGS, np.log(PARTS)), {"axis": (0, 1)}),
        ((LOGS, np.log(PARTS)), {"where": KEPT}),
    ],
    "generalized_kl_divergence": [
        ((REAL, PARTS * 3), {}),
        ((REAL, PARTS * 3), {"axis": 0}),
        ((REAL, PARTS), {"where": KEPT}),
    ],
    "convex_kl_divergence": [((REAL, PARTS * 3), {})],
    "ctc_loss": [
        (
            (
                _random.normal(size=(3, 7, 5)),
                np.array([[0.0] * 7, [0.0] * 6 + [1.0], [0.0] * 5 + [1.0] * 2]),
                np.array([[1, 2, 2], [3, 1, 0], [4, 0, 0]]),
                np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 1.0]]),
            ),
            {},
        ),
        (
            (
                _random.normal(size=(1, 4, 3)),
                np.zeros((1, 4)),
                np.array([[0, 1]]),
                np.zeros((1, 2)),
            ),
            {"blank_id": 2},
        ),
    ],
    "cosine_similarity": [
        ((REAL, OTHER), {}),
        ((REAL, OTHER), {"axis": 1}),
        ((REAL, OTHER), {"axis": (0, 2)}),
        ((REAL, OTHER), {"epsilon": 6.0}),
        ((REAL, OTHER), {"where": KEPT}),
        ((ROWS, OTHER), {}),
    ],
    "cosine_distance": [
        ((REAL, OTHER), {}),
        ((REAL, OTHER), {"axis": None}),
        ((REAL, OTHER), {"epsilon": 6.0}),
        ((REAL, OTHER), {"where": KEPT}),
    ],
    "ranking_softmax_loss": [
        ((REAL, PARTS), {}),
        ((REAL, LABELS[..., None] * np.ones(4)), {"reduce_fn": None}),
        ((REAL, PARTS), {"where": KEPT}),
        ((REAL, PARTS), {"where": KEPT, "reduce_fn": None}),
        ((REAL, PARTS), {"where": KEPT & (np.arange(3) > 0)[None, :, None]}),
        ((REAL, PARTS), {"where": KEPT & False}),
        ((REAL, PARTS), {"weights": PARTS[::-1].copy()}),
    ],
    "ntxent": [
        ((_random.normal(size=(6, 4)), np.array([0, 0, 1, 1, 2, 2])), {}),
        ((_random.normal(size=(7, 4)), np.array([0, 0, 0, 1, 1, 2, 2])), {"temperature": 0.5}),
    ],
    "triplet_margin_loss": [
        ((REAL, OTHER, PARTS), {}),
        ((REAL, OTHER, PARTS), {"axis": 1, "margin": 0.3}),
        ((REAL, OTHER, PARTS), {"norm_degree": 4, "eps": 0.1}),
        ((REAL, OTHER, PARTS), {"norm_degree": 3}),
    ],
    "smooth_labels": [
        ((PARTS, 0.1), {}),
        ((PARTS, 0.3), {"axis": 1}),
        ((PARTS, 0.3), {"axis": None}),
        ((PARTS * KEPT, 0.3), {"where": KEPT}),
    ],
    "dice_loss": [
        ((REAL, np.eye(4)[LABELS]), {}),
        ((REAL, np.eye(4)[LABELS]), {"alpha": 0.3, "beta": 0.7, "smooth": 0.1, "reduction": "none"}),
        ((PARTS, np.eye(4)[LABELS]), {"apply_softmax": False, "reduction": "sum"}),
        ((REAL, np.eye(4)[LABELS]), {"class_weights": np.arange(1.0, 5.0), "ignore_background": True}),
        ((REAL, np.eye(4)[LABELS]), {"axis": (0, 1)}),
        ((REAL[..., 0], FLAGS[..., :1]), {}),
    ],
    "multiclass_generalized_dice_loss": [
        ((REAL, np.eye(4)[LABELS]), {}),
        ((REAL, np.eye(4)[LABELS]), {"smooth": 0.5, "ignore_background": True}),
    ],
    "binary_dice_loss": [
        ((REAL, FLAGS), {}),
        ((REAL[..., :1], FLAGS[..., :1]), {"smooth": 0.5}),
        ((REAL[..., 0], FLAGS[..., :1]), {}),
    ],
    "make_fenchel_young_loss": [((REAL, PARTS), {}), ((ROWS, PARTS[0]), {})],
}


def _masked(sample: Sample) -> bool:
    """Say whether a mask leaves out classes whose labels have gradients."""
    given = (*sample.arguments, *sample.keywords.values())
    return "1" in sample.differentiable and any(isinstance(x, np.ndarray) and x.dtype.kind == "b" for x in given)


EXCEPTIONS = (
    Excepted(
        SUITE, "triplet_margin_loss", "value", "optax forgets the absolute value in odd degrees",
        lambda sample: sample.keywords.get("norm_degree") == 3,
    ),
    *(
        Excepted(
            suite, name, "gradient in 1", "optax's derivative in the label of a class that is left out is NaN", _masked
        )
        for name in ("softmax_cross_entropy", "poly_loss_cross_entropy") for suite in (SUITE, draws.SUITE)
    ),
    Excepted(
        draws.SUITE, "sigmoid_focal_loss", "gradient in 1", "optax's derivative in a label of 0 or 1 lacks a term",
        lambda sample: "1" in sample.differentiable and bool(np.all(sample.arguments[1] % 1 == 0)),
    ),
    Excepted(
        SUITE, "safe_softmax_cross_entropy", "gradient in 1",
        "the derivative in a label of 0 beside a logit of -inf is finite here, and inf in optax",
        lambda sample: sample.name == "[1]",
    ),
    Excepted(
        SUITE, "kl_divergence", "gradient in 1", "optax's derivative in a target of 0 is NaN, ours is declared 0",
        lambda sample: sample.name == "[3]",
    ),
)  # fmt: skip


REFUSED: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("squared_error", (REAL.astype(int), OTHER.astype(int)), {}),
    ("squared_error", (REAL, OTHER[:1]), {}),
    ("perceptron_loss", (REAL, SIGNS[:1]), {}),
    ("softmax_cross_entropy", (REAL.astype(int), PARTS), {}),
    ("softmax_cross_entropy_with_integer_labels", (REAL, LABELS * 1.0), {}),
    ("softmax_cross_entropy_with_integer_labels", (REAL, LABELS), {"axis": 7}),
    ("kl_divergence", (LOGS, PARTS.astype(int)), {}),
    ("poly_loss_cross_entropy", (REAL, LABELS), {}),
    ("ntxent", (REAL[0], LABELS[0, :2]), {}),
    ("dice_loss", (REAL, np.eye(4)[LABELS]), {"reduction": "average"}),
    ("dice_loss", (REAL, np.eye(4)[LABELS]), {"apply_softmax": False}),
    ("ctc_loss", (REAL, KEPT[..., 0] * 1.0, LABELS, LABELS[:1] * 1.0), {}),
]


def samples(name: str) -> list[Sample]:
    """The calls of a function, with gradients in all of its real arrays but masks and paddings."""
    theirs, ours = getattr(optax.losses, name), strictly(getattr(dialect, name))
    if name == "make_fenchel_young_loss":
        theirs, ours = theirs(_max), ours(_max)
    found = []
    for number, (given, named) in enumerate(CALLS[name]):
        found.append(Sample(SUITE, name, f"[{number}]", theirs, ours, given, named, with_gradients(name, given)))
    return found


def with_gradients(name: str, given: Sequence[Any]) -> frozenset[str]:
    """The positions of real arrays, but those of masks, paddings and labels that are signs or flags."""
    real = {str(i) for i, x in enumerate(given) if isinstance(x, np.ndarray) and x.dtype == np.float64}
    signed = name in ("ctc_loss", "hinge_loss", "perceptron_loss", "sparsemax_loss")
    return frozenset(real - {"1", "2", "3"} if signed else real)


def answer(sample: Sample) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The value and the gradients that optax gives."""
    names = sorted(sample.differentiable)
    with quiet(), probe_of(get_backend("jax")).double_precision():
        arguments = list(changed(sample.arguments, jnp.asarray))
        named = {key: changed(value, jnp.asarray) for key, value in sample.keywords.items()}

        def value(*given: Any) -> Any:
            placed = list(arguments)
            for name, x in zip(names, given, strict=True):
                placed[int(name)] = x
            return sample.theirs(*placed, **named)

        chosen = [arguments[int(name)] for name in names]
        # Without a softmax optax looks at values, which a program that is compiled has not.
        compiled = jax.jit if sample.keywords.get("apply_softmax", True) else lambda function: function
        plain = np.asarray(compiled(value)(*chosen))
        if not names:
            return plain, {}
        factors = jnp.asarray(factors_of(plain))
        of_all = tuple(range(len(names)))
        found = compiled(jax.grad(lambda *given: jnp.sum(value(*given) * factors), of_all))(*chosen)
        return plain, {name: np.asarray(x) for name, x in zip(names, found, strict=True)}
