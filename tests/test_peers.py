"""Every call of another library that a loss declares as equal computes the same, but for the differences it names."""

import pytest

import lossspec as ls
from lossspec.conformance.peers import PEERS, compare, stale
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
