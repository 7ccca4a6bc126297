"""Terms: what is drawn of each lies in its domain, its roles decide what a call may do, and others may declare more."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from array_api_compat import numpy as xp

import lossspec as ls
from lossspec import Interval, Role, Term, loss, terms
from lossspec.conformance import sampling
from lossspec.conformance.cases import make_cases
from lossspec.errors import LossSpecError
from lossspec.numerics import array_namespace

ALL = {name: value for name, value in vars(terms).items() if isinstance(value, Term)}
SIZES = {"batch": 50, "classes": 4, "thresholds": 3, "time": 5, "boxes": 4}
FACTS = {**SIZES, "blank": 0, "head": np.zeros((3, 2)), "tails": [np.zeros((2, 2))]}
SHAPED = {
    "Label": terms.Label["batch", "not blank"],
    "Length": terms.Length["batch", "of time"],
    "ClusteredLabel": terms.ClusteredLabel["batch", "in head tails"],
}
PARAMETERS = [{"format": "xyxy", "log_input": True, "power": 1.5}, {"format": "xywh", "log_input": False, "power": 0.0}]


@pytest.mark.parametrize("parameters", PARAMETERS, ids=["defaults", "others"])
@pytest.mark.parametrize("how", [sampling.typical, sampling.edges], ids=["typical", "edges"])
@pytest.mark.parametrize("name", ALL)
def test_what_is_drawn_of_a_term_lies_in_its_domain(name, how, parameters):
    term = SHAPED.get(name, ALL[name])
    drawn = how(term, np.random.default_rng(5), (SIZES["batch"], 4)[: 1 + term.row_axes], {**FACTS, **parameters})
    assert not np.any(term.outside(xp, drawn, {**FACTS, **parameters}))
    assert drawn.shape[0] == SIZES["batch"]


@dataclass(frozen=True)
class Even(Term):
    def outside(self, xp, x, facts):
        return x % 2 != 0


EVEN = Even("Even", "an even integer", kinds=("integral",), strict=True)


def test_a_term_that_judges_by_itself_asks_for_a_sampler(monkeypatch):
    monkeypatch.setattr(sampling, "_samplers", dict(sampling._samplers))
    with pytest.raises(LossSpecError, match=r"the term Even decides .*register\(Even, sampler\)"):
        sampling.typical(EVEN["*batch"], np.random.default_rng(0), (3,), {})

    class Doubles(sampling.Sampler):
        def typical(self, term, random, shape, facts):
            return 2 * random.integers(0, 9, shape)

    sampling.register(EVEN["*batch"], Doubles())
    for term in (EVEN, EVEN["rows columns"], replace(EVEN, relation="of time")):
        assert not np.any(sampling.edges(term, np.random.default_rng(0), (9,), {}) % 2)


def test_a_term_without_a_sampler_is_drawn_from_its_interval():
    drawn = sampling.typical(Term("Odds", "", Interval(2.0, 3.0))["n"], np.random.default_rng(0), (99,), {})
    assert drawn.min() >= 2
    assert drawn.max() <= 3


@pytest.fixture
def declared(monkeypatch):
    """A loss of terms of another name, which have the roles of labels and of scores, or none."""

    def declare(label_roles, score_roles):
        label = replace(terms.Label, name="Species", roles=frozenset(label_roles))
        score = replace(terms.Logits, name="Affinity", roles=frozenset(score_roles))
        sampling.register(label, sampling.sampler_of(terms.Label))

        @loss(family="own", unit="example", source="a test")
        def negative_affinity(scores: score["*batch classes"], species: label["*batch"]) -> terms.Real["*batch"]:
            """The score of the species, negated."""
            xp = array_namespace(scores)
            return -xp.take_along_axis(scores, species[..., None], axis=-1)[..., 0]

        return negative_affinity

    return declare


def test_roles_and_not_names_decide(declared):
    plain, known = declared((), ()), declared((Role.LABEL, Role.IGNORABLE), (Role.SCORE,))
    assert plain.contract.label is None
    assert known.contract.label.name == "species"
    assert not {"class_weight", "ignore_index"} & set(plain.contract.tail)
    assert {"class_weight", "ignore_index"} <= set(known.contract.tail)
    sure = ["confident" in [case.name for case in make_cases(one.contract, np.float64)] for one in (plain, known)]
    assert sure == [False, True]
    scores, species, weight = np.asarray([[1.0, 2.0], [3.0, 5.0]]), np.asarray([0, 1]), np.asarray([1.0, 3.0])
    assert known(scores, species, class_weight=weight, reduction="none").tolist() == [-1.0, -15.0]


def test_the_page_of_the_contract_explains_every_role():
    page = Path(__file__).parents[1] / "docs" / "contract.md"
    assert re.findall(r"^\| `Role\.(\w+)`", page.read_text("utf-8"), re.MULTILINE) == [role.name for role in Role]


def test_no_code_asks_for_a_term_or_the_axis_of_classes_by_its_name():
    names = "|".join(sorted({term.name for term in ALL.values()}))
    asks = re.compile(rf'name (==|!=|in|not in) [("]*({names})"')
    folder = Path(ls.__file__).parent
    found = []
    for path in folder.rglob("*.py"):
        shapes = path.relative_to(folder).parts[0] in ("losses", "definitions")  # where annotations name axes
        for line in path.read_text("utf-8").splitlines():
            if asks.search(line) or ('"classes"' in line and not shapes and not line.startswith("CLASSES = ")):
                found.append(f"{path.name}: {line.strip()}")
    assert found == []
