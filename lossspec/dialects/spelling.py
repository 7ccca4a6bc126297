"""Words as the users of each library write them: functions of its namespace, and what stands around a call."""

from __future__ import annotations

import re
from typing import Any

from lossspec.dialects.words import Word, atom

MODULES = {"torch": "torch.", "optax": "jnp.", "keras": "keras.ops.", "sklearn": "np.", "lossspec": "np."}
"""The namespace of a library's users; a call of ours is written for arrays of NumPy."""

IMPORTS = {
    "torch": {"torch": "import torch", "F": "import torch.nn.functional as F"},
    "optax": {"optax": "import optax", "jnp": "import jax.numpy as jnp", "jax": "import jax"},
    "keras": {"keras": "import keras"},
    "sklearn": {
        "metrics": "from sklearn import metrics",
        "losses": "from sklearn._loss import loss as losses",
        "np": "import numpy as np",
        "scipy": "import scipy.special",
    },
    "lossspec": {"lossspec": "import lossspec", "np": "import numpy as np", "scipy": "import scipy.special"},
}
"""The imports that the names of a ported text need."""

_FUNCTIONS = {
    "softmax({0})": {
        "torch": "torch.softmax({0}, -1)",
        "optax": "jax.nn.softmax({0}, -1)",
        "keras": "keras.ops.softmax({0}, -1)",
        "": "scipy.special.softmax({0}, -1)",
    },
    "sigmoid({0})": {
        "torch": "torch.sigmoid({0})",
        "optax": "jax.nn.sigmoid({0})",
        "keras": "keras.ops.sigmoid({0})",
        "": "scipy.special.expit({0})",
    },
    "one_hot({0}, {1})": {
        "torch": "F.one_hot({0}, {1}.shape[-1]).to({1}.dtype)",
        "optax": "jax.nn.one_hot({0}, {1}.shape[-1], dtype={1}.dtype)",
        "keras": "keras.ops.one_hot({0}, {1}.shape[-1])",
        "": "np.eye({1}.shape[-1])[{0}]",
    },
    "listed({0}, {1})": {
        "": "((({0}[..., None] == {m}arange({1}.shape[-1])) & ({m}cumsum({0} < 0, -1) == 0)[..., None]).any(-2) + 0.0)",
    },
    "lengths({0})": {"torch": "(1 - {0}).sum(1).long()", "": "(1 - {0}).sum(1).astype(int)"},
    "steps({0})": {
        "torch": "torch.full(({0}.shape[0],), {0}.shape[1])",
        "": "{m}full(({0}.shape[0],), {0}.shape[1])",
    },
    "signs({0})": {"": "{m}where({0} == 0, -1.0, {0})"},
    "log({0})": {"": "{m}log({0})"},
    "exp({0})": {"": "{m}exp({0})"},
    "log({0}) - log1p(-{0})": {"": "{m}log({0}) - {m}log1p(-{0})"},
    "moveaxis({0})": {"": "{m}moveaxis({0}, -1, 1)"},
    "moveaxis({0}, {1}, -1)": {"": "{m}moveaxis({0}, {1}, -1)"},
}
"""Operations of the declarations that are functions of a namespace, by library; under "" for all others."""


def function_of(library: str, pattern: str, *operands: str) -> str:
    """A function of the declarations as users of a library write it."""
    forms = _FUNCTIONS.get(pattern, {})
    return forms.get(library, forms.get("", pattern)).format(*operands, m=MODULES[library])


def spelled(library: str, value: Any) -> str:
    """A value, a word or an operation on words in the names of a library."""
    if isinstance(value, (list, tuple)) and any(isinstance(x, Word) for x in value):
        return f"({', '.join(spelled(library, x) for x in value)},)"
    if not isinstance(value, Word):
        return getattr(value, "__name__", "") or repr(value)
    if not value.operation:
        return value.text
    if value.operation in ("distribution", "codes"):
        return spelled(library, value.operands[0])
    operands = [atom(spelled(library, x)) for x in value.operands]
    pattern = "{0}[..., None]" if value.operation == "entries" else value.operation
    return function_of(library, pattern, *operands)


def around(pattern: str, text: str) -> str:
    """A text within what is written around it."""
    return text if pattern == "{0}" else pattern.format(atom(text))


def imports_of(library: str, text: str) -> list[str]:
    """The imports that a ported text needs, for those who put it into a file."""
    return [line for name, line in IMPORTS[library].items() if re.search(rf"(?<![\w.]){name}\.", text)]
