"""The losses use nothing that the namespace of CuPy does not have, which can be proved without a GPU."""

from collections import defaultdict

import numpy as np
import pytest
from typer.testing import CliRunner

from lossspec import GradientError, get, names
from lossspec.autodiff import grad
from lossspec.cli import app
from lossspec.conformance.needs import Recorder, accepts, lacking, needs

cupy = pytest.importorskip("array_api_compat.cupy", reason="CuPy is not installed")


@pytest.fixture(scope="module")
def used():
    """Every function and keyword that the whole catalogue uses, recorded on NumPy."""
    return needs(map(get, names()))


def test_the_catalogue_uses_only_what_cupy_has(used):
    assert {"where", "sum", "exp", "take_along_axis", "astype"} <= used.keys()
    assert list(lacking(cupy, used)) == []


def test_this_check_can_fail():
    seen = defaultdict(set)
    Recorder(np, seen).sum(np.ones(3), keepdims=True)
    Recorder(np, seen).linalg.norm(np.ones(3))
    assert seen == {"sum": {"keepdims"}, "linalg.norm": set()}
    assert list(lacking(cupy, {"no_such_function": frozenset(), "sum": frozenset({"no_such_keyword", "axis"})})) == [
        "no_such_function",
        "sum(no_such_keyword=)",
    ]
    assert not accepts(cupy.sum, "no_such_keyword")


def test_gradients_of_the_tape_need_more(used):
    loss = get("huber")
    assert needs([loss]).keys() < needs([loss], gradients=True).keys()


def test_gradients_after_a_recording_are_not_recorded():
    needs([get("huber")], gradients=True)
    with pytest.raises(GradientError, match=r"^linalg\.det has no derivative rule"):
        grad(lambda x: x.__array_namespace__().linalg.det(x))(np.eye(2))


def test_the_command_prints_the_needs_and_what_a_namespace_lacks():
    run = CliRunner().invoke
    result = run(app, ["needs", "--loss", "huber"])
    assert result.exit_code == 0, result.output
    assert {"where", "astype"} <= {line.split()[0] for line in result.output.splitlines() if line.strip()}
    assert run(app, ["needs", "--loss", "huber", "--against", "array_api_compat.numpy"]).exit_code == 0
    lacks = run(app, ["needs", "--loss", "huber", "--against", "math"])
    assert lacks.exit_code == 1
    assert "where" in lacks.output
    assert run(app, ["needs", "--against", "no.such.module"]).exit_code == 2
