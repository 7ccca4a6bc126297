"""Functions of the dialect of Torch compile as one graph, whose sizes and numbers may be symbols."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("expecttest", reason="torch's own samples need it")

import torch

from dialects import torch_samples
from dialects.judge import changed, quiet
from lossspec.dialects import torch as dialect

SAMPLED = ("cross_entropy", "triplet_margin_loss")
NAMES = [pytest.param(n, marks=[] if n in SAMPLED else pytest.mark.thorough) for n in torch_samples.FUNCTIONS]


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_function_of_torch_compiles_as_one_graph(name, dynamic):
    if name in torch_samples.LEFT_OUT:
        pytest.skip(torch_samples.LEFT_OUT[name])
    sample = torch_samples.operators(name)[0]
    given = changed(sample.arguments, lambda x: torch.from_numpy(np.array(x)))
    named = {key: changed(x, lambda x: torch.from_numpy(np.array(x))) for key, x in sample.keywords.items()}
    function = getattr(dialect, name)
    torch.compiler.reset()
    with quiet():
        compiled = torch.compile(function, fullgraph=True, backend="eager", dynamic=dynamic)
        torch.testing.assert_close(compiled(*given, **named), function(*given, **named), equal_nan=True)
