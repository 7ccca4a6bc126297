"""`import lossspec` loads no framework but NumPy, and a framework only when its arrays are met or asked for."""

import tomllib
from pathlib import Path

import losses_stub
import pytest

import lossspec

HEAVY = ("torch", "jax", "cupy", "mpmath", "rich", "typer", "array_api_strict", "sklearn", "optax", "keras", "dask")
LOADED = f"import sys; print(*(name for name in {HEAVY!r} if name in sys.modules))"


def test_importing_lossspec_loads_no_framework_and_no_extra(in_fresh_process):
    assert in_fresh_process(f"import lossspec; {LOADED}") == ""


def test_a_call_with_numpy_arrays_loads_no_framework(in_fresh_process):
    call = "import numpy as np, lossspec; lossspec.cross_entropy(np.zeros((2, 3)), np.zeros(2, int))"
    assert in_fresh_process(f"{call}; list(lossspec.all_backends()); {LOADED}") == ""


def test_the_sampler_of_a_term_is_registered_without_an_extra(in_fresh_process):
    assert in_fresh_process(f"import lossspec.conformance.sampling; {LOADED}") == ""


def test_the_check_sees_what_is_loaded(usable, in_fresh_process):
    usable("torch")
    assert "torch" in in_fresh_process(f"import torch, lossspec; {LOADED}").split()


@pytest.mark.parametrize("name", ["jax", "strict", "cupy"])
def test_a_backend_loads_its_framework_when_asked(usable, in_fresh_process, name):
    module = usable(name).module
    script = f"import sys, lossspec.dispatch as d; d.get_backend({name!r}).namespace; print({module!r} in sys.modules)"
    assert in_fresh_process(script) == "True"


def test_a_file_or_folder_among_the_losses_is_a_family_and_its_names_are_exported():
    everywhere = [lossspec.get(name) for name in lossspec.names()]  # other tests declare losses of their own
    declared = [loss for loss in everywhere if loss.__module__.startswith("lossspec.")]
    homes = {".".join(loss.__module__.split(".")[:3]) for loss in declared}
    assert homes == {f"lossspec.losses.{family}" for family in losses_stub.families()}
    assert [loss.contract.name for loss in declared if getattr(lossspec, loss.contract.name, None) is not loss] == []


def test_a_clone_finds_its_backends_without_an_editable_installation(in_fresh_process):
    clone = Path(__file__).parents[1]
    script = f"""
import sys
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder).lower()]
sys.path.insert(0, {str(clone)!r})
import lossspec.backends.numpy as numpy
print(numpy.__file__)
"""
    assert Path(in_fresh_process(script)) == clone / "backends" / "numpy.py"


def test_every_package_is_installed():
    root = Path(__file__).parents[1]
    listed = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    folders = {".".join(path.parent.relative_to(root).parts) for path in (root / "lossspec").rglob("__init__.py")}
    assert {*folders, "lossspec.backends"} == set(listed)
