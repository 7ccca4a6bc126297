"""The examples of the documentation run, and the README says what happens."""

import doctest
import runpy
import shutil
from pathlib import Path

import pytest

from lossspec.loss import _registry

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(path, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", [str(path)])  # as a user starts it: without the options of pytest
    known = dict(_registry)
    try:
        runpy.run_path(str(path), run_name="__main__")
    finally:
        _registry.clear()
        _registry.update(known)
    assert capsys.readouterr().out


def test_the_error_that_the_readme_shows_is_the_one_raised():
    import numpy as np

    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    test = parser.get_doctest((ROOT / "README.md").read_text(), {"np": np}, "README.md", "README.md", 0)
    assert runner.run(test).attempted == 2
    assert runner.failures == 0


@pytest.mark.skipif(shutil.which("c++") is None, reason="torch.compile needs a C++ compiler, and there is none")
def test_the_first_use_that_the_readme_shows_runs():
    blocks = (ROOT / "README.md").read_text().split("```python\n")[1:]
    code = [block.split("```")[0] for block in blocks]
    names: dict = {}
    for block in code:
        if ">>>" not in block and "cupy" not in block and "dice" not in block:
            exec(block, names)  # noqa: S102 - our own README
    assert names["x"].grad is not None
    assert abs(float(names["whole"].value()) - float(names["cross_entropy"](names["logits"], names["labels"]))) < 1e-15


def test_both_commands_of_the_readme_are_what_ci_runs():
    readme, script = (ROOT / "README.md").read_text(), (ROOT / ".ci" / "run").read_text()
    for command in (
        'pip install -e ".[check]" && lossspec check',
        'pip install -c constraints.txt -e ".[test]" && pytest -n auto',
    ):
        assert f"\n{command}\n" in readme
        assert command in script
