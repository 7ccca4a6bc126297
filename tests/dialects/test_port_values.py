"""Ported calls are run beside the calls that they are made of: values are equal, or a note names the difference."""

from __future__ import annotations

import os
import re
import warnings
from functools import cache

import numpy as np
import pytest

import lossspec
from dialects.port_cases import CALLS, DATA, with_option
from lossspec import port

for package in ("torch", "jax", "optax", "keras", "sklearn", "scipy"):
    os.environ.setdefault("KERAS_BACKEND", "torch")
    pytest.importorskip(package)

NAMED = re.compile(
    r"in none of the calls|it has nothing for|^it has |are not ignored|labels are|^where |its reduction|its mean "
    r"|one axis|an axis of classes|several outputs|`eps`|adds 1e-6|has Stirling's|keeps half|divided by their sum"
)
"""Notes that name a difference of values; the others tell of edges, of gradients and of digits."""

ANOTHER_FORM = {
    "metrics.root_mean_squared_error(z, x)",
    "metrics.log_loss(b, h)",
    "metrics.hinge_loss(y, x)",
    "metrics.brier_score_loss(y, p)",
}
"""Calls with arrays of another rank than the one that the notes name."""


@cache
def _names(library):
    """The data and the modules for the calls of a library."""
    import jax
    import jax.numpy as jnp
    import keras
    import optax
    import scipy.special
    import sklearn._loss.loss as losses
    import torch
    from sklearn import metrics

    make = {"torch": torch.from_numpy, "keras": torch.from_numpy, "optax": jnp.asarray}.get(library, np.asarray)
    data = {name: make(x.copy()) if isinstance(x, np.ndarray) else x for name, x in DATA.items()}
    if library == "sklearn":
        data["y_real"] = data["y_real"].astype(float)
    modules = {"F": torch.nn.functional, "nn": torch.nn, "torch": torch, "optax": optax, "jax": jax, "jnp": jnp}
    modules |= {"keras": keras, "ops": keras.ops, "metrics": metrics, "losses": losses, "scipy": scipy, "np": np}
    objects = {name: x for name, x in vars(losses).items() if name[0].isupper()}
    return {**objects, **modules, "lossspec": lossspec, **data}


def _value(library, text):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        value = eval(text, _names(library))  # noqa: S307 - what the tests themselves wrote
    return np.asarray(value.detach() if hasattr(value, "detach") else value, dtype=np.float64)


def _fault(expected, found):
    """The fault of a ported call, or an empty string."""
    try:
        value = _value(found.library, found.text)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    if value.shape != expected.shape:
        return f"shape {value.shape}, not {expected.shape}"
    return "" if np.allclose(value, expected, rtol=5e-6, atol=1e-8) else f"{value}, not {expected}"


@pytest.mark.parametrize(("library", "call"), [(library, call) for library in CALLS for call in CALLS[library]])
def test_a_ported_call_is_equal_or_says_what_differs(library, call):
    import jax
    import keras

    floats, wrong, equal = keras.config.floatx(), [], 0
    keras.config.set_floatx("float64")
    try:
        with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            for text in (call, *(with_option(call, option) for option in CALLS[library][call])):
                expected = _value(library, text)
                for found in port(text, [name for name in CALLS if name != library]):
                    if not found.text:
                        continue
                    fault = _fault(expected, found)
                    equal += not fault
                    if fault and not any(map(NAMED.search, found.differs)):
                        wrong.append(f"{text} -> {found.text}: {fault}; said: {found.differs}")
    finally:
        keras.config.set_floatx(floats)
    assert not wrong, "\n".join(wrong)
    assert equal or call in ANOTHER_FORM, f"{call}: no ported call was equal"


def test_every_function_and_class_is_among_the_calls():
    from lossspec.dialects import port as module

    no_losses = {"pairwise_distance", "PairwiseDistance", "smooth_labels", "multiclass_generalized_dice_loss"}
    no_losses |= {"binary_dice_loss", "NLLLoss2d"}  # of sums over the batch, and the old name of another
    for library in CALLS:
        text = " ".join(CALLS[library])
        members = vars(__import__(f"lossspec.dialects.{library}", fromlist=["_"]))
        names = {name for name in members if module._member(library, name) is not None}
        assert {name for name in names if not re.search(rf"\b{name}\(", text)} - no_losses == set()
