"""The examples of the documentation run, and the README says what happens."""

import doctest
import re
import runpy
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import jax
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from lossspec.cli import app

ROOT = Path(__file__).parents[1]
OF_JAX = {"from flax import nnx": "flax", "import equinox": "equinox"}
"""The imports of blocks of the page of clients that are left out where the package is not installed."""
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.py"))


def run(path, *options):
    """The names that an example defines, started as a user starts it: without the options of pytest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", [str(path), *options])
        return runpy.run_path(str(path), run_name="__main__")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(path, capsys, tmp_path):
    plot = tmp_path / "plot.png"
    plots = "--plot" in path.read_text()
    run(path, *(["--plot", str(plot)] if plots else []))
    assert capsys.readouterr().out
    assert plot.exists() == plots


def test_the_command_checks_a_loss_of_an_own_term_in_a_module_of_ones_own(monkeypatch):
    monkeypatch.chdir(ROOT / "docs" / "examples")
    monkeypatch.setattr("sys.path", [path for path in sys.path if path])
    command = [
        "check",
        "--module",
        "own_term",
        "--loss",
        "direction_error",
        "--backend",
        "numpy",
        "--backend",
        "strict",
    ]
    result = CliRunner().invoke(app, command)
    sys.modules.pop("own_term", None)
    assert result.exit_code == 0, result.output
    assert "4 passed, 0 failed" in result.output


def test_the_weights_of_vgg16_are_read_from_a_file(capsys, tmp_path):
    """As torchvision stores them, here with random numbers: what comes after relu4_3 is in the file too."""
    file, random, state = tmp_path / "vgg16.pth", torch.Generator().manual_seed(0), {}
    sizes = [3, *(64,) * 2, *(128,) * 2, *(256,) * 3, *(512,) * 6]
    positions = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    for position, before, after in zip(positions, sizes[:-1], sizes[1:], strict=True):
        kernel = torch.randn((after, before, 3, 3), generator=random) * (2 / (9 * before)) ** 0.5
        state |= {f"features.{position}.weight": kernel, f"features.{position}.bias": torch.zeros(after)}
    state |= {"classifier.6.weight": torch.zeros((1000, 4)), "classifier.6.bias": torch.zeros(1000)}
    torch.save(state, file)
    path = ROOT / "docs" / "examples" / "perceptual_networks.py"
    defined = run(path, "--vgg16", str(file), "--side", "8", "--plot", str(tmp_path / "plot.png"))
    assert "noise" in capsys.readouterr().out
    image = torch.zeros((1, 3, 16, 16))
    maps = defined["maps_in_torch"](image, defined["blocks"])
    assert [tuple(one.shape[1:]) for one in maps] == [(64, 16, 16), (128, 8, 8), (256, 4, 4), (512, 2, 2)]
    assert defined["blocks"][-1][-1][0].equal(state["features.21.weight"])
    torch.save({**state, "features.21.weight": torch.zeros((512, 512, 1, 1))}, file)
    with pytest.raises(ValueError, match=r"features\.21\.weight has the shape \(512, 512, 1, 1\)"):
        defined["load_vgg16"](file)


def test_the_error_that_the_readme_shows_is_the_one_raised():
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


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # where Keras writes a file
def test_the_lines_of_the_page_of_clients_run(monkeypatch, tmp_path, capsys):
    page = (ROOT / "docs" / "clients.md").read_text()
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    with jax.numpy_dtype_promotion("standard"):  # as users have it: optax mixes dtypes
        for block in page.split("```python\n")[1:]:
            if all(f"{name}\n" not in block or find_spec(package) for name, package in OF_JAX.items()):
                exec(block.split("```")[0], names)  # noqa: S102 - our own page
    assert f"print(robust)  # {capsys.readouterr().out.strip()}\n" in page
    assert names["again"].loss.loss == names["quantile"].configured(level=0.9)
    logits, labels = names["outputs"]["logits"][:, :-1].reshape(8, 3), names["labels"][:, 1:].reshape(8)
    built_in = torch.nn.functional.cross_entropy(logits, labels, ignore_index=-100, reduction="sum") / 6
    torch.testing.assert_close(names["share"], built_in)
    assert abs(float(names["epoch"]) - np.log(3)) < 1e-6
    assert (names["scores"] < 0).all()
    assert np.allclose(names["found"].x, [1.0, -2.0, 0.5], atol=1e-3)
    for steps in ("values", *(f"of_{package}" for package in OF_JAX.values() if find_spec(package))):
        assert names[steps][-1] < names[steps][0]
    assert abs(float(names["found_in_onnx"]["loss"]) - np.log(3)) < 1e-6


def test_no_page_counts_losses_by_hand():
    pages = [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "lossspec").rglob("*.md"),
        *ROOT.glob("*.toml"),
    ]
    count = re.compile(r"\b\d{2,} (losses|families|terms)\b")
    assert [
        f"{page.name}: {line}" for page in pages for line in page.read_text().splitlines() if count.search(line)
    ] == []


def test_both_commands_of_the_readme_are_what_ci_runs():
    readme, script = (ROOT / "README.md").read_text(), (ROOT / ".ci" / "run").read_text()
    for command in (
        'pip install -e ".[check]" && lossspec check',
        'pip install -c constraints.txt -e ".[test]" && pytest -n auto',
    ):
        assert f"\n{command}\n" in readme
        assert command in script
