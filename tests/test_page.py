"""The page of the matrix: well-formed, self-contained, nothing from the data unescaped, failures first."""

import re
import shutil
import subprocess
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lossspec.conformance import page as module
from lossspec.conformance.matrix import Cell
from lossspec.conformance.page import page
from lossspec.contract import Accuracy
from lossspec.registry import get

VOID = {"meta", "br", "input"}
LOADING = {"link", "img", "iframe", "object", "embed", "audio", "video", "source", "base", "form", "svg"}
HOSTILE = "<script src=x>alert(1)</script>\"'&<img onerror=x>"

PASSED = Cell(
    "huber", "numpy", "float64", "cpu", value_error=0.26, value_budget=4.0, worst_value_case="typical, sum",
    gradient_error=3.14, gradient_budget=8.0, worst_gradient_case="edges", hessian_error=0.5, hessian_budget=8.0,
    worst_hessian_case="confident", checks=1234,
    laws={"merge": "holds", "vmap is a loop": "not run: numpy has no vmap"},
)  # fmt: skip
FAILED = replace(
    PASSED, loss="cross_entropy", status="fail", value_error=5.3e5, failure_count=7,
    failures=["edges: value 0 is 0.0, should be 1.5", "law 'merge': [1.] is not [2.]"],
    laws={"merge": "[1.] is not [2.]"},
)  # fmt: skip
ABSENT = Cell("huber", "cupy", "float64", "-", status="not run", reason="no CUDA device")


class Reader(HTMLParser):
    """The elements and the visible words of a page; raises where tags are not balanced."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.words = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def all(self, tag, **wanted):
        found = [attributes for name, attributes in self.elements if name == tag]
        return [a for a in found if all(a.get(key) == value for key, value in wanted.items())]


@pytest.mark.parametrize("cells", [[], [PASSED], [ABSENT], [PASSED, FAILED, ABSENT]])
def test_page_is_well_formed_ascii_and_asks_for_nothing(cells):
    text = page(cells, {"lossspec": "0.1"})
    reader = Reader(text)
    assert text.isascii()
    assert text.startswith("<!doctype html>")
    assert reader.all("html", lang="en")
    assert not {tag for tag, _ in reader.elements} & LOADING
    assert not re.search(r"@import|url\(|https?://", text)
    assert reader.all("script") == [{}]
    script = re.search(r"<script>(.*)</script>", text, re.DOTALL)[1]
    (policy,) = [a["content"] for a in reader.all("meta") if "http-equiv" in a]
    assert f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in policy  # no other script may run
    assert all(a["href"].startswith("#") for a in reader.all("a"))
    assert not [a for _, attributes in reader.elements for a in attributes if a.startswith("on") or a == "src"]


def test_every_link_has_its_target_once():
    reader = Reader(page([PASSED, FAILED, ABSENT], {}))
    targets = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(targets) == len(set(targets))
    assert {a["href"][1:] for a in reader.all("a")} <= set(targets)


def test_no_cells():
    text = Reader(page([], {"numpy": "2.4.6"})).text
    assert "There are no cells" in text
    assert "numpy 2.4.6" in text


def test_numbers_and_counts():
    text = Reader(page([PASSED, FAILED, ABSENT], {})).text
    assert "1 cells pass 1 fail 1 not run 2,468 checks" in text
    assert "value 0.26 gradient 3.1 Hessian 0.50" in text
    assert "✗ 5.3e+05" in text


def test_an_error_just_beyond_the_budget_does_not_look_within():
    assert "✗ >4" in Reader(page([replace(FAILED, value_error=4.0000001)], {})).text


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_an_error_that_is_no_number_is_beyond_the_budget(bad):
    reader = Reader(page([replace(FAILED, value_error=bad)], {}))
    assert "✗ NaN" in reader.text or "✗ infinite" in reader.text


def test_failures_come_first_and_in_words():
    text = page([PASSED, FAILED], {})
    shown = Reader(text).text
    assert text.index("should be 1.5") < text.index("<table")
    assert "cross_entropy on numpy float64 \u2013 7 of 1,234 checks edges: value 0 is 0.0, should be 1.5" in shown
    assert "and 5 more" in shown
    assert "✗ FAILS note 1" in shown
    assert "fails: [1.] is not [2.]" in shown
    assert len(Reader(text).all("details", open="open")) == 1


def test_cells_that_fail_in_the_same_words_are_told_once():
    text = page([FAILED, replace(FAILED, dtype="float32")], {})
    assert "on numpy float64, numpy float32 \u2013 7 of 1,234 checks each" in Reader(text).text


def test_without_failures_there_is_no_list_of_them():
    assert not Reader(page([PASSED, ABSENT], {})).all("section")


def test_a_law_that_alone_fails_marks_the_cell():
    cell = replace(FAILED, value_error=0.1)
    assert "✗ FAIL value 0.10" in Reader(page([cell], {})).text


def test_reasons_for_what_was_not_run():
    reader = Reader(page([PASSED, ABSENT], {}))
    assert reader.all("td", title="no CUDA device")
    assert "cupy float64: not run (1 cell): no CUDA device" in reader.text
    assert "not run: numpy has no vmap" in reader.text


def test_a_loss_without_hessians_shows_a_dash_and_says_why():
    reader = Reader(page([replace(PASSED, hessian_error=None, hessian_reason="not run: the loss is coupled")], {}))
    assert "huber: Hessians not run: the loss is coupled" in reader.text
    assert "gradient 3.1 Hessian not run \u2013" in reader.text
    assert any("Hessian not run: the loss is coupled" in a.get("title", "") for a in reader.all("td"))


def test_a_hessian_beyond_the_budget_is_marked():
    assert "✗ >8" in Reader(page([replace(FAILED, hessian_error=8.0000001)], {})).text


def test_only_a_device_that_is_not_the_default_is_in_the_header():
    text = Reader(page([PASSED, replace(PASSED, device="cuda:0")], {})).text
    assert "float64 value gradient Hessian float64 cuda:0 value gradient Hessian" in text
    assert "Devices: numpy on cpu, numpy on cuda:0" in text


def test_tables_have_captions_and_scopes():
    reader = Reader(page([PASSED, FAILED, ABSENT], {}))
    assert len(reader.all("caption")) == len(reader.all("table"))
    assert all(a.get("scope") in ("row", "col", "rowgroup", "colgroup") for a in reader.all("th"))


def test_the_contract_of_a_loss_is_told():
    contract, text = get("huber").contract, Reader(page([PASSED], {})).text
    for words in (
        str(contract),
        contract.summary,
        contract.source,
        "values 4, gradients 8, Hessians 8 eps * scale",
        "mean (default)",
    ):
        assert " ".join(words.split()) in text


def test_a_larger_budget_gives_its_reason(monkeypatch):
    contract = replace(get("huber").contract, accuracy=Accuracy(16.0, 8.0, "a <long> sum"))
    monkeypatch.setattr(module, "contract_of", lambda loss: contract)
    assert "values 16, gradients 8, Hessians 8 eps * scale: a <long> sum" in Reader(page([PASSED], {})).text


def test_everything_from_data_is_escaped(monkeypatch):
    hostile = Cell(
        *[HOSTILE] * 4, status="fail", value_error=9.0, value_budget=4.0, worst_value_case=HOSTILE, gradient_error=1.0,
        gradient_budget=8.0, worst_gradient_case=HOSTILE, hessian_error=1.0, worst_hessian_case=HOSTILE, checks=1,
        failures=[HOSTILE], failure_count=1,
        laws={HOSTILE: HOSTILE, "merge": f"not run: {HOSTILE}"},
    )  # fmt: skip
    ungraded = replace(hostile, dtype="other", hessian_error=None, hessian_reason=HOSTILE)
    skipped = Cell(HOSTILE, "cupy", "float64", "-", status="not run", reason=HOSTILE)
    contract = replace(get("huber").contract, name=HOSTILE, summary=HOSTILE, family=HOSTILE, unit=HOSTILE,
                       source=HOSTILE, aliases=(HOSTILE,), why_coupled=HOSTILE, default_reduction=HOSTILE)  # fmt: skip
    for known in (None, contract):
        monkeypatch.setattr(module, "contract_of", lambda loss, known=known: known)
        text = page([hostile, ungraded, skipped], {HOSTILE: HOSTILE})
        reader = Reader(text)
        assert HOSTILE in "".join(reader.words)
        assert text.count("<script") == 1
        assert "<img" not in text
        assert not [a for _, attributes in reader.elements for a in attributes if a.startswith("on")]


def test_very_long_words_are_cut_and_say_so():
    text = page([replace(FAILED, failures=["x" * 5000])], {})
    assert "x" * 1001 not in text
    assert "4,000 more characters in the JSON" in text


def rows_of(text):
    return {row["data-loss"]: row for row in Reader(text).all("tr") if "data-loss" in row}


def test_a_row_says_by_what_it_is_filtered_and_sorted():
    rows = rows_of(page([PASSED, FAILED, ABSENT], {}))
    # 3.14 of 8 and 530000 of 4, in the one column that ran
    assert (rows["huber"]["data-shares"].split()[0], rows["huber"]["data-status"]) == ("0.3925", "pass,not run")
    assert (rows["cross_entropy"]["data-shares"].split()[0], rows["cross_entropy"]["data-family"]) == (
        "1.325e+05",
        "classification",
    )


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_an_error_that_is_no_number_is_sorted_as_the_worst(bad):
    assert rows_of(page([replace(FAILED, value_error=bad)], {}))["cross_entropy"]["data-shares"] == "Infinity"


CHOICES = {
    "": "cross_entropy huber",
    "words.value = 'HUB'; words.fire()": "huber",
    "words.value = 'regression'; words.fire()": "huber",
    "status.value = 'fail'; status.fire()": "cross_entropy",
    "words.value = 'HUB'; status.value = 'fail'; status.fire()": "",
    "order.value = 'share:'; order.fire()": "cross_entropy huber",
    "order.value = 'share:0'; order.fire()": "huber cross_entropy",
    "order.value = 'name'; order.fire()": "cross_entropy huber",
    "order.value = 'share:'; order.fire(); order.value = 'family'; order.fire()": "cross_entropy huber",
}
"""The losses that the table shows, in this order, after what a reader does."""


@pytest.mark.parametrize("done", CHOICES)
def test_the_table_is_filtered_and_sorted(done):
    node = shutil.which("node")
    if node is None:
        pytest.skip("not run: there is no node to run a script of a page")
    script = STAGE.replace("DONE", done).replace("SCRIPT", (FOLDER / "matrix.js").read_text())
    found = subprocess.run([node, "-e", script], capture_output=True, text=True, timeout=60, check=True)  # noqa: S603
    assert found.stdout.strip() == CHOICES[done]


FOLDER = Path(module.__file__).parent / "templates"
STAGE = """
class Element {
  constructor(data) { Object.assign(this, { children: [], dataset: {}, hidden: false, value: "" }, data); }
  append(child) { if (child.parentNode) child.remove(); child.parentNode = this; this.children.push(child); }
  remove() {
    if (this.parentNode) this.parentNode.children = this.parentNode.children.filter((one) => one !== this);
    this.parentNode = null;
  }
  replaceChildren(...all) { [...this.children].forEach((one) => one.remove()); all.forEach((one) => this.append(one)); }
  querySelectorAll() { return this.children.filter((one) => one.dataset.loss); }
  get tBodies() { return this.children; }
  addEventListener(kind, heard) { this.fire = heard; }
}
const facts = [["cross_entropy", "classification", "fail", "0.1 9"], ["huber", "regression", "pass", "0.4 0.2"]];
const table = new Element();
for (const [loss, family, status, shares] of facts) {
  const group = new Element();
  group.append(new Element({ dataset: { loss, family, status, shares } }));
  table.append(group);
}
const fields = Object.fromEntries(
  ["controls", "words", "status", "order", "shown"].map((name) => [name, new Element()]));
fields.controls.hidden = true;
fields.order.value = "family";
globalThis.document = {
  getElementById: (name) => fields[name],
  querySelector: () => table,
  querySelectorAll: () => [],
  createElement: () => new Element(),
};
SCRIPT
const { words, status, order } = fields;
if (fields.controls.hidden) throw new Error("the fields stay hidden");
DONE
const seen = table.children.filter((group) => !group.hidden)
  .flatMap((group) => group.children).filter((row) => !row.hidden);
console.log(seen.map((row) => row.dataset.loss).join(" "));
"""
