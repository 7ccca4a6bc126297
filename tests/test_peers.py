"""Every call of another library that a loss declares as equal computes the same, but for the differences it names."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

import lossspec as ls
from lossspec.conformance import defects
from lossspec.conformance.peers import PEERS, compare, names_of, stale
from lossspec.contract import Equal

DECLARED = [(ls.get(name), equal) for name in ls.names() for equal in ls.get(name).contract.equals]


@pytest.mark.parametrize(("loss", "equal"), DECLARED, ids=lambda x: x.peer if isinstance(x, Equal) else x.contract.name)
@pytest.mark.filterwarnings("default")  # a peer's own warnings are not ours to mend
def test_a_declared_call_equals_the_loss(loss, equal):
    missing = PEERS[equal.peer].missing()
    if missing:
        pytest.skip(f"not run: {missing} is not installed")
    outcomes = list(compare(loss, equal))
    assert outcomes, "no case is given to it"
    assert [f"{o.case}: {o.problem}" for o in outcomes if o.problem and not o.excused] == []
    assert stale(equal, outcomes) == []
    assert any(not o.problem for o in outcomes), "it differs everywhere"


def test_a_wrong_declaration_is_noticed():
    pytest.importorskip("torch")
    wrong = Equal("torch", "1.001 * F.mse_loss(predictions, targets, reduction='none')")
    assert any(o.problem and not o.excused for o in compare(ls.squared_error, wrong))
    flat = Equal("torch", "F.mse_loss(predictions, targets.detach(), reduction='none')")
    assert any(o.problem.startswith("gradient") for o in compare(ls.squared_error, flat))
    needless = Equal("torch", "F.mse_loss(predictions, targets, reduction='none')", differs={"edges": "no reason"})
    assert stale(needless, list(compare(ls.squared_error, needless))) == ["edges"]


@pytest.mark.parametrize("library", ["torchvision", "torchmetrics", "segmentation_models_pytorch"])
def test_libraries_that_need_torchvision_import_in_the_test_environment(library):
    pytest.importorskip("torch")
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    names_of("torch")  # names the operators that torchvision asks for, beside a Torch that it was not built for
    assert import_module(library).__version__


def rows_of(table, losses=()):
    """The loss, the library, the dtype, the input and the true value of each row of a table of defects."""
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| `")]
    return [(*row[:4], row[5]) for row in rows if not losses or row[0].strip("`") in losses]


@pytest.mark.parametrize(
    "losses",
    [("i_divergence",), pytest.param((), marks=pytest.mark.thorough)],
    ids=["some", "all"],
)
@pytest.mark.filterwarnings("default")
def test_the_page_names_the_defects_that_others_have_today(losses):
    if missing := [peer.missing() for peer in PEERS.values() if peer.missing()]:
        pytest.skip(f"not run: {', '.join(missing)} is not installed")
    page = (Path(__file__).parents[1] / "docs" / "accuracy.md").read_text("utf-8")
    between = page.partition(defects.BEGIN)[2].partition(defects.END)[0]
    assert rows_of(between, losses) == rows_of(defects.table(losses))
    assert rows_of(between, losses)
