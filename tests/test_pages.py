"""Pages of losses keep what the contract says when they become HTML; their calls and curves are those of the loss."""

import doctest
import html
import re
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lossspec as ls
from lossdocs.calls import example, translated
from lossdocs.figure import Drawn, draw
from lossdocs.page import page
from lossdocs.section import section
from lossspec.conformance.run import Check, fill
from lossspec.describe import by_family

DOCS = Path(__file__).parents[1] / "docs"
EXTENSIONS = ["tables", "attr_list", "md_in_html", "pymdownx.details", "pymdownx.superfences", "pymdownx.tabbed"]
EXTENSIONS += ["lossdocs.mathematics"]
DRAWN = Drawn("<svg></svg>", "", "Along an entry.")
ONE_OF_EACH = [contracts[0].name for contracts in by_family()[0].values()]


def rendered(text):
    """The words of a page of Markdown, as Python-Markdown with the extensions of the site makes them."""
    markdown = pytest.importorskip("markdown", reason="the extra docs is not installed: no markdown")
    pytest.importorskip("math_core", reason="the extra docs is not installed: no math_core")
    made = markdown.markdown(
        text,
        extensions=EXTENSIONS,
        extension_configs={"pymdownx.tabbed": {"alternate_style": True}},
    )
    return made, html.unescape(re.sub(r"<[^>]*>", "", made))


def lost_shapes(contract, words):
    """The declared shapes that the words of a page do not have."""
    shapes = {str(term.shape) for a in contract.arguments for term in a.terms if term.shape is not None}
    return sorted(shape for shape in shapes | {str(contract.result)} if shape not in words)


@pytest.mark.parametrize("name", ls.names())
def test_a_page_keeps_its_shapes_and_has_a_formula(name):
    loss = ls.get(name)
    made, words = rendered(page(loss, DRAWN))
    assert lost_shapes(loss.contract, words) == []
    written = re.findall(r"\[[*#?]?[a-z]+(?: [*#]?[a-z]+)*\]", loss.__doc__.partition(">>>")[0].partition("Shapes:")[2])
    assert [shape for shape in written if "*" in shape and shape not in words] == []
    assert "<math" in made
    assert "$" not in words
    assert "<em>batch" not in made


def test_a_shape_lost_to_italics_is_seen():
    """The planted fault: the words of a docstring as they are."""
    contract = ls.get("cross_entropy").contract
    _, words = rendered("`logits` [*batch classes], `labels` [*batch] -> example [*batch].")
    assert "[*batch classes]" in lost_shapes(contract, words)


def test_a_page_shows_the_errors_of_the_cells_that_were_filled_and_a_failure():
    loss = ls.get("huber")
    cells = [cell for step in fill(Check(["huber"], ("numpy",), quick=True)) for cell in step.cells]
    _, words = rendered(page(loss, DRAWN, cells))
    for cell in cells:
        assert f"{cell.backend} {cell.dtype}, a quick check" in words
        assert f"pass in {cell.checks} checks; the worst is " in words
    assert "a quick check" not in rendered(page(loss, DRAWN))[1]
    _, words = rendered(page(loss, DRAWN, [replace(cells[0], status="fail", value_error=8.0)]))
    assert "8.00" in words
    assert f"fail in {cells[0].checks} checks; the worst is 200% of its budget" in words


@pytest.mark.parametrize("name", ls.names())
def test_the_calls_for_torch_run(name):
    pytest.importorskip("torch")
    exec(translated(ls.get(name), "Torch"), {})  # noqa: S102 - our own docstrings


@pytest.mark.parametrize("name", ["huber", "cross_entropy", "dice"])
def test_the_calls_for_jax_run(name):
    pytest.importorskip("jax")
    exec(translated(ls.get(name), "JAX"), {})  # noqa: S102 - our own docstrings


def test_the_calls_for_cupy_are_those_for_numpy_with_its_name():
    assert "import cupy as cp\nfrom lossspec import huber\n\nhuber.per_example(cp.asarray([0.5, 3.0])" in translated(
        ls.get("huber"), "CuPy"
    )
    assert "from lossspec import huber" in example(ls.get("huber"))


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_a_curve_and_its_derivatives_belong_together(name):
    """Slopes between the points are the gradient, and its slopes the Hessian, but for a few points at kinks."""
    shown = section(ls.get(name))
    if shown.notes:  # of a distribution, whose other entries move too
        pytest.skip(shown.notes[0])
    for curves in shown.curves.values():
        for lower, upper in ((curves.value, curves.gradient), (curves.gradient, curves.hessian)):
            slopes, between = np.diff(lower) / np.diff(shown.x), (upper[1:] + upper[:-1]) / 2
            room = 0.02 * np.max(np.abs(upper)) + 1e-9
            assert np.mean(np.abs(slopes - between) < room) > 0.9


@pytest.mark.parametrize("name", ["symmetric_absolute_percentage_error", "apo_down"])
def test_a_figure_is_drawn_where_the_loss_has_a_slope(name):
    """At targets of 0, or where two inputs are alike, these are flat."""
    for curves in section(ls.get(name)).curves.values():
        assert np.mean(curves.gradient != 0) > 0.3


def test_the_figure_shows_several_values_of_a_parameter():
    shown = section(ls.get("huber"))
    assert list(shown.curves) == ["delta = 0.5", "delta = 1", "delta = 2"]
    assert np.max(shown.curves["delta = 2"].gradient) == 2.0
    drawn = draw("huber")
    assert 'aria-label="huber: loss, gradient and Hessian along predictions"' in drawn.figure
    assert "currentColor" in drawn.figure
    assert "#010203" not in drawn.figure
    assert drawn.reason == ""


def test_a_loss_that_cannot_be_drawn_says_why(monkeypatch):
    def fail(loss):
        raise ls.ContractError("no entry moves")

    monkeypatch.setattr("lossdocs.figure.section", fail)
    drawn = draw("huber")
    assert drawn.reason == "no figure: no entry moves"
    assert "no figure: no entry moves" in page(ls.get("huber"), drawn)


def test_every_page_is_in_the_navigation():
    navigation = (DOCS.parent / "mkdocs.yml").read_text()
    assert [page.name for page in DOCS.glob("*.md") if f": {page.name}\n" not in navigation] == []


@pytest.mark.parametrize("name", ["kernels", "own_losses"])
def test_the_lines_of_a_page_run(name, monkeypatch, tmp_path):
    lines = (DOCS / f"{name}.md").read_text().split("```python\n")[1:]
    file = tmp_path / "lines.py"  # annotations are read from a file
    file.write_text("\n".join(block.split("```")[0] for block in lines))
    assert runpy.run_path(str(file))


def test_the_first_page_shows_what_happens():
    runner, text = doctest.DocTestRunner(), (DOCS / "index.md").read_text()
    block = text.partition("```pycon\n")[2].partition("```")[0]
    runner.run(doctest.DocTestParser().get_doctest(block, {}, "index.md", "index.md", 0))
    assert runner.summarize(verbose=False) == (0, 5)
