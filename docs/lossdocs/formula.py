"""The paragraphs of a docstring as Markdown with mathematics between dollar signs, and the formula set by itself."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from lossdocs.notation import FUNCTIONS, GREEK, LIMITS, NotMathematicsError, Reader, Token, tokens

WORDS_OF_CASES = ("for", "in", "where")
"""The words that join an expression to the condition under which it holds."""
SIGNS = {">=": "≥", "<=": "≤", "!=": "≠"}
"""Signs in a sentence beside what is no expression."""


@dataclass(frozen=True)
class Formula:
    """The formula of a loss as LaTeX, and the words after it as Markdown; without LaTeX it stands in the words."""

    latex: str
    words: str


def formula(paragraph: str, known: Collection[str]) -> Formula:
    """The formula that opens a paragraph, `l = ...`, set by itself, and the rest of the paragraph."""
    text = " ".join(paragraph.split())
    known = frozenset(known) | defined(text)
    latex, rest = parted(text, known)
    return Formula(latex, prose(rest, known))


def parted(text: str, known: Collection[str]) -> tuple[str, str]:
    """The LaTeX of the formula that opens a text, and the text behind it; without a formula all is text."""
    reader = Reader(tokens(text), known)
    try:
        if not reader.at("l", "l_i", "L"):
            raise NotMathematicsError("no formula opens the paragraph")
        left = reader.power().latex
        reader.expect("=")
        latex = f"{left} = {_alternatives(reader, text)}"
        if reader.at(*"-+*/([|^=<>"):
            raise NotMathematicsError("the formula goes on")
    except NotMathematicsError:
        return "", text
    return latex, _after(reader, text)


def defined(text: str) -> frozenset[str]:
    """The names that a text gives a meaning to: what stands before an equals sign, `fear = max_k ...`."""
    return frozenset(
        name for name in re.findall(r"(?<![\w`.])([A-Za-z]\w*)(?:\[\w+\])? = ", text) if len(name) > 1 and name != "is"
    )


def _after(reader: Reader, text: str) -> str:
    """The text behind a formula, without the sign that parts the two."""
    token = reader.peek()
    rest = "" if token is None else text[token.start :]
    return re.sub(r"^[,;.:]\s*", "", rest)


def _alternatives(reader: Reader, text: str) -> str:
    """An expression, or several, each with the condition under which it holds; raise if only one of them is read."""
    rows: list[tuple[str, str]] = []
    while True:
        latex = reader.relation()
        token = reader.peek()
        if token is None or token.text not in (*WORDS_OF_CASES, "if"):
            if not rows and token is not None and token.text in ("of", "or", "is"):
                raise NotMathematicsError("the sentence goes on")
            if not rows:
                return latex
            rows.append((latex, r"\text{else}"))
            break
        rows.append((latex, _condition(reader, text)))
        saved = reader.place
        if not reader.at(",", ";", "and"):
            break
        while reader.at(",", ";", "and", "else", "or"):
            reader.place += 1
        try:
            _check_another(reader)
        except NotMathematicsError:
            reader.place = saved
            break
    if len(rows) == 1:
        raise NotMathematicsError("a condition without another case")
    body = r" \\ ".join(f"{value} & {condition}" for value, condition in rows)
    return rf"\begin{{cases}} {body} \end{{cases}}"


def _check_another(reader: Reader) -> None:
    """Raise unless one more expression with its condition comes next, or one after "else"."""
    saved = reader.place
    otherwise = reader.tokens[saved - 1].text == "else"
    reader.relation()
    token = reader.peek()
    reader.place = saved
    if not otherwise and (token is None or token.text not in WORDS_OF_CASES):
        raise NotMathematicsError("no other case")


def _condition(reader: Reader, text: str) -> str:
    """The condition after an expression, with the word before it."""
    word = reader.take().text
    saved = reader.place
    if word == "where":
        signs = reader.signs
        try:
            condition = reader.relation()
        except NotMathematicsError:
            condition = ""
        if condition and reader.signs > signs and reader.at(",", ";", "."):
            return rf"\text{{where }} {condition}"
        reader.place = saved
    parts = []
    while (token := reader.peek()) is not None and token.text not in (",", ";", "and", "."):
        parts.append(token)
        reader.place += 1
    if not parts:
        raise NotMathematicsError("an empty condition")
    words = text[parts[0].start : parts[-1].end]
    if re.search(r"[\\{}$%&#^]", words):
        raise NotMathematicsError("a condition that is no text")
    escaped = words.replace("_", r"\_").replace("`", "")
    return rf"\text{{{word} {escaped}}}"


def prose(text: str, known: Collection[str]) -> str:
    """Markdown of a text: expressions become mathematics, shapes and names in backticks code, the rest is escaped."""
    text = text.replace("->", "→")
    found = tokens(text)
    letters = {token.text for token in found if len(token.text) == 1 and token.text.isalpha()} - {"a", "A"}
    letters |= {token.text[0] for token in found if re.fullmatch("[a-z]'", token.text)}
    out, end, place = [], 0, 0
    while place < len(found):
        token = found[place]
        reader = Reader(found, known, display=False, place=place)
        latex = _inline(reader, letters)
        out.append(escape(text[end : token.start]))
        if latex:
            out.append(f"${latex}$")
            end, place = found[reader.place - 1].end, reader.place
            continue
        out.append(_word(token))
        end, place = token.end, place + 1
    return "".join(out) + escape(text[end:])


def _inline(reader: Reader, letters: Collection[str]) -> str:
    """The expression at a place of a sentence, or an empty string if only a word is there."""
    first, after = reader.peek(), reader.peek(1)
    if first is None or (first.text == "a" and not _math_a(reader)):
        return ""
    if first.text in LIMITS and (after is None or after.text != "("):
        return ""
    names_follow = after is not None and after.text.split("_")[0] not in FUNCTIONS | LIMITS and after.spaced
    if reader.is_long(first) and names_follow and reader.starts(reader.tokens[reader.place + 1]):
        return ""
    begun = reader.place
    try:
        latex = reader.relation()
    except NotMathematicsError:
        return ""
    if reader.signs:
        return latex
    alone = reader.place == begun + 1
    is_letter = first.text.rstrip("'") in letters or (first.text in GREEK and first.text in reader.known)
    return latex if alone and is_letter else ""


def _math_a(reader: Reader) -> bool:
    """Say whether the letter `a` at a place is a variable and not the article."""
    token, after = reader.peek(), reader.peek(1)
    return (
        token is not None and token.text == "a" and after is not None and after.text in ("=", "^", "[", "*", "<", ">")
    )


def _word(token: Token) -> str:
    if token.text.startswith("[") and len(token.text) > 1:
        return f"`{token.text}`"
    return token.text if token.text.startswith("`") else SIGNS.get(token.text) or escape(token.text)


def escape(text: str) -> str:
    """A text in which Markdown and HTML find no sign of theirs."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]$|~^#])", r"\\\1", text)
