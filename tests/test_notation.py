"""Formulas of docstrings become LaTeX that says the same: every name and number, in order, and in its place."""

import re

import pytest

import lossspec as ls
from lossdocs import notation
from lossdocs.formula import defined, formula, parted, prose
from lossdocs.notation import NotMathematicsError, Reader, tokens
from lossdocs.page import formula_of, known, paragraphs

NAMES = frozenset(("predictions", "targets", "delta", "labels", "logits", "label", "classes", "margin"))
LIKE = {"ell": "l", "arctan": "atan", "lfloor": "floor", "sqrt": "sqrt"}
STRUCTURE = {
    "frac",
    "left",
    "right",
    "lvert",
    "rvert",
    "mathrm",
    "operatorname",
    "text",
    "cdot",
    "begin",
    "end",
    "cases",
}
STRUCTURE |= {"le", "ge", "neq", "mid", "ldots", "rfloor"}


def read(text, display=True):
    """The LaTeX of an expression that takes up a whole text, without spaces."""
    reader = Reader(tokens(text), NAMES, display)
    latex = reader.relation()
    assert reader.peek() is None, f"{text!r} is left at {reader.peek()}"
    return latex.replace(" ", "")


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("predictions - targets", r"\mathrm{predictions}-\mathrm{targets}"),
        ("logits[label]", r"{\mathrm{logits}}_{\mathrm{label}}"),
        ("d^2 / (2 delta)", r"\frac{{d}^{2}}{2\,\delta}"),
        ("sum_{c != label} x[c]", r"\sum_{c\neq\mathrm{label}}{x}_{c}"),
        ("-log p[label] / 2", r"-\frac{\log{p}_{\mathrm{label}}}{2}"),
        ("||a| - |b||^p", r"{\lvert\lverta\rvert-\lvertb\rvert\rvert}^{p}"),
        ("KL(p || q)", r"\operatorname{KL}(p\,\|\,q)"),
        ("p(x | y)", r"p(x\midy)"),
        ("[c = label]", r"[c=\mathrm{label}]"),
        ("s_ij", r"{s}_{ij}"),
        ("max_{y: c(y) = m} s(y)", r"\max_{y:\,c(y)=m}s(y)"),
        ("floor(x / pi)", r"\lfloor\frac{x}{\pi}\rfloor"),
    ],
)
def test_an_expression_has_its_form(text, latex):
    assert read(text) == latex


def test_a_quotient_stays_within_a_sum_and_a_sum_is_divided_by_a_sum():
    assert read("sum_c t[c] / q[c]") == r"\sum_{c}\frac{{t}_{c}}{{q}_{c}}"
    assert read("sum_c t[c] / sum_c q[c]") == r"\frac{\sum_{c}{t}_{c}}{\sum_{c}{q}_{c}}"
    assert read("mean over pixels of x / y") == r"\operatorname*{mean}_{\text{overpixels}}\frac{x}{y}"
    assert read("mean over pixels of 1 - x") == r"\operatorname*{mean}_{\text{overpixels}}(1-x)"


def test_a_short_quotient_in_a_line_has_a_stroke():
    assert read("x / 2", display=False) == "x/2"


@pytest.mark.parametrize("text", ["of the batch", "sum_c", "x / ", "(x", "|x"])
def test_what_is_no_expression_is_refused(text):
    with pytest.raises((NotMathematicsError, AssertionError)):
        read(text)


def test_cases_have_their_conditions():
    found = formula("l = d^2 / 2 where d = |predictions - targets| <= delta, else delta * (d - delta / 2).", NAMES)
    assert found.latex.replace(" ", "") == (
        r"\ell=\begin{cases}\frac{{d}^{2}}{2}&\text{where}d=\lvert\mathrm{predictions}-\mathrm{targets}\rvert\le\delta"
        r"\\\delta\cdot\left(d-\frac{\delta}{2}\right)&\text{else}\end{cases}"
    )


@pytest.mark.parametrize(
    "text",
    [
        "l = 1 - c for the form of distances, but c elsewhere.",  # a condition, and no second case
        "l = x for one, and whatever else.",
        "L = mean over channels of the formula above.",
        "l = x - ; y.",
        "No formula at all.",
    ],
)
def test_a_formula_that_cannot_be_set_stays_in_the_words(text):
    found = formula(text, NAMES)
    assert found.latex == ""
    assert re.sub(r"[\\$]|ell\b", "", found.words)[:3].strip() != ""


def test_a_sentence_keeps_its_words_and_shapes():
    words = prose(
        '`logits` [*batch classes], with p = softmax(logits) >= 0 of a class_weight * 2; "a_b" -> [batch].', NAMES
    )
    assert "`[*batch classes]`" in words
    assert "`[batch]`" in words
    assert r"$p = \operatorname{softmax}( \mathrm{logits} ) \ge 0$" in words
    assert "→" in words
    assert r"a\_b" in words


def test_the_article_is_no_variable():
    assert prose("a class of its own, for a distribution t", NAMES) == "a class of its own, for a distribution $t$"
    assert prose("with a = margin", NAMES) == r"with $a = \mathrm{margin}$"


def atoms(latex):
    """The letters and digits of LaTeX in their order, without what gives them their places."""
    latex = latex.replace(r"\text{else}", "").replace(r"\left", "").replace(r"\right", "")
    latex = re.sub(r"\\([a-zA-Z]+)\*?", lambda m: " " if m[1] in STRUCTURE else LIKE.get(m[1], m[1]), latex)
    return letters(latex.replace("{cases}", ""))


def letters(text):
    """The letters and digits of a text, without the words between cases and what a mean is of."""
    return re.sub(r"[^A-Za-z0-9]", "", re.sub(r"\b(and|else|or|of)\b", "", text))


@pytest.mark.parametrize("name", ls.names())
def test_no_name_and_no_number_of_a_formula_is_lost(name):
    """The LaTeX and the words behind it have the letters and digits of the docstring in their order."""
    loss = ls.get(name)
    paragraph = " ".join(paragraphs(loss)[0][0].split())
    latex, rest = parted(paragraph, known(loss.contract) | defined(paragraph))
    assert atoms(latex) + letters(rest) == letters(paragraph)


@pytest.mark.parametrize("name", ["half_tweedie", "huber", "dice"])
def test_a_lost_denominator_is_seen(monkeypatch, name):
    """The planted fault: the reader forgets what it divides by."""

    def forgetful(self, chain):
        self.power()
        return chain

    monkeypatch.setattr(notation.Reader, "quotient", forgetful)
    with pytest.raises(AssertionError):
        test_no_name_and_no_number_of_a_formula_is_lost(name)


def test_most_losses_have_a_formula_set_by_itself():
    alone = [name for name in ls.names() if not next(iter(formula_of(ls.get(name)))).startswith("$$")]
    assert len(alone) <= len(ls.names()) // 40, f"formulas that are not read: {alone}"
