"""`import lossspec` loads no framework but NumPy, and a framework only when its arrays are met or asked for."""

import pytest

HEAVY = ("torch", "jax", "cupy", "mpmath", "rich", "typer", "array_api_strict", "sklearn", "optax")
LOADED = f"import sys; print(*(name for name in {HEAVY!r} if name in sys.modules))"


def test_importing_lossspec_loads_no_framework_and_no_extra(in_fresh_process):
    assert in_fresh_process(f"import lossspec; {LOADED}") == ""


def test_a_call_with_numpy_arrays_loads_no_framework(in_fresh_process):
    call = "import numpy as np, lossspec; lossspec.cross_entropy(np.zeros((2, 3)), np.zeros(2, int))"
    assert in_fresh_process(f"{call}; list(lossspec.all_backends()); {LOADED}") == ""


def test_the_check_sees_what_is_loaded(usable, in_fresh_process):
    usable("torch")
    assert "torch" in in_fresh_process(f"import torch, lossspec; {LOADED}").split()


@pytest.mark.parametrize("name", ["jax", "strict", "cupy"])
def test_a_backend_loads_its_framework_when_asked(usable, in_fresh_process, name):
    module = usable(name).module
    script = f"import sys, lossspec.dispatch as d; d.get_backend({name!r}).namespace; print({module!r} in sys.modules)"
    assert in_fresh_process(script) == "True"
