"""Every call of another library that a loss declares as equal computes the same, but for the differences it names."""

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

import lossspec as ls
from lossspec.conformance.peers import PEERS, compare, names_of, stale
from lossspec.contract import Equal
from lossspec.verify import library

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


@pytest.mark.parametrize("package", ["torchvision", "torchmetrics", "segmentation_models_pytorch"])
def test_libraries_that_need_torchvision_import_in_the_test_environment(package):
    pytest.importorskip("torch")
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    names_of("torch")  # names the operators that torchvision asks for, beside a Torch that it was not built for
    assert import_module(package).__version__


def rows_of(text):
    """The loss, the library and the level of each row of the table of what is wrong."""
    rows = [re.split(r" (?<!\\)\| ", line.strip("| ")) for line in text.splitlines() if line.startswith("| `")]
    return [(loss.strip("`"), library, kind) for loss, library, kind, *_ in rows]


@pytest.mark.parametrize(
    "losses",
    [("i_divergence",), pytest.param((), marks=pytest.mark.thorough)],
    ids=["some", "all"],
)
@pytest.mark.filterwarnings("default")
def test_the_page_names_what_is_wrong_in_others_today(losses):
    if missing := [peer.missing() for peer in PEERS.values() if peer.missing()]:
        pytest.skip(f"not run: {', '.join(missing)} is not installed")
    page = (Path(__file__).parents[1] / "docs" / "accuracy.md").read_text("utf-8")
    written = page.partition(library.BEGIN)[2].partition(library.END)[0]
    calls = [c for c in library.all_calls() if not losses or c.loss in losses]
    found = [library.row(call, call.judged(budget=library.WRONG)) for call in calls]
    told = [row for row in rows_of(written) if not losses or row[0] in losses]
    assert told == rows_of("\n".join(found))
    assert told
