"""The notation of formulas in docstrings, as LaTeX: `sum_{c != label} |t[c]|^2 / 2` with the names of arguments.

The reader is one of typography, not of algebra: it finds quotients, indices, sums over something, and the end of an
expression. It raises `NotMathematicsError` where the text at a place is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from itertools import pairwise

GREEK = frozenset(("alpha", "beta", "gamma", "delta", "epsilon", "theta", "lambda", "mu", "pi", "sigma", "tau"))
FUNCTIONS = frozenset(
    [
        "log",
        "exp",
        "cos",
        "sin",
        "tanh",
        "atan",
        "cosh",
        "softmax",
        "sigmoid",
        "mean",
        "sum",
        "max",
        "min",
        "floor",
        "clip",
        "sqrt",
        "KL",
        "odds",
        "Gamma",
        "len",
        "log10",
    ]
)
LIMITS = frozenset(("sum", "prod", "max", "min", "mean"))
"""The operators that have what they run over below them."""
_COMMANDS = {"sum": r"\sum", "prod": r"\prod", "log10": r"\log_{10}", "atan": r"\arctan", "Gamma": r"\Gamma"}
_COMMANDS |= {name: "\\" + name for name in ("log", "exp", "cos", "sin", "tanh", "cosh", "max", "min")}
_RELATIONS = {"=": "=", "!=": r"\neq", "<=": r"\le", ">=": r"\ge", "<": "<", ">": ">"}
_TOKEN = re.compile(
    r"`[^`]*`|\"[^\"]*\"|(?<![\w)\]])\[[*#?]?[A-Za-z][\w #*?.]*\]"  # code, words in quotes, declared shapes
    r"|[A-Za-z]+(?:-[A-Za-z]+)+|[A-Za-z]+'s\b"
    r"|\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![A-Za-z])"
    r"|[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*(?:_(?=\{))?'?"
    r"|<=|>=|!=|\|\||\S"
)


class NotMathematicsError(ValueError):
    """There is no expression at this place of a text."""


@dataclass(frozen=True)
class Token:
    """One word, number or sign, its place in the text, and the spaces beside it."""

    text: str
    start: int
    end: int
    spaced: bool
    """White space stands before it."""
    apart: bool
    """White space stands on both sides."""


def tokens(text: str) -> list[Token]:
    """The words, numbers and signs of a text; bars that enclose come one by one."""
    found = []
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        before, after = text[start - 1 : start].isspace(), text[end : end + 1].isspace()
        if match[0] == "||" and not (before and after):
            found += [Token("|", start, start + 1, before, False), Token("|", start + 1, end, False, False)]
        else:
            found.append(Token(match[0], start, end, before, before and after))
    return found


@dataclass
class Piece:
    """LaTeX of a part of an expression."""

    latex: str
    bare: str = ""
    """The same without its parentheses, if it is one group in parentheses."""
    tall: bool = False
    operator: bool = False
    """A function or a sum that what follows belongs to."""
    limits: bool = False
    """A sum or a maximum, with what it runs over below it."""
    long: bool = False
    """A name of more than one letter, which needs a sign between it and the next."""
    letters: bool = False
    called: bool = False
    """A function with its arguments."""


@dataclass
class Reader:
    """Read expressions from a list of tokens; `known` are the names that count as mathematics wherever they stand."""

    tokens: list[Token]
    known: Collection[str]
    display: bool = True
    place: int = 0
    signs: int = 0
    """Signs read so far that only mathematics has."""
    inside: int = field(default=0)
    """The depth of brackets, within which any word is a name."""

    def peek(self, ahead: int = 0) -> Token | None:
        """The token at the place, or None at the end."""
        where = self.place + ahead
        return self.tokens[where] if where < len(self.tokens) else None

    def at(self, *texts: str) -> bool:
        """Say whether one of some texts comes next."""
        token = self.peek()
        return token is not None and token.text in texts

    def take(self) -> Token:
        """The next token, which is then behind."""
        token = self.peek()
        if token is None:
            raise NotMathematicsError("the text ends")
        self.place += 1
        return token

    def expect(self, text: str) -> None:
        """Take a token, or raise."""
        if not self.at(text):
            raise NotMathematicsError(f"{text!r} is missing")
        self.place += 1

    def relation(self) -> str:
        """The longest chain of sums with relations between them."""
        return self.chain(self.sum(), self.sum, lambda token: _RELATIONS.get(token.text, ""))

    def sum(self) -> str:
        """Products with plus and minus between them."""
        sign = self.take().text + " " if self.at("-", "+") else ""
        if sign and (token := self.peek()) is not None and not token.spaced and token.text[0].isalpha():
            self.signs += 1
        between = self.inside > 0
        joins = {"+": "+", "-": "-"}
        return self.chain(
            sign + self.product(),
            self.product,
            lambda token: joins.get(token.text, "") if token.apart or between else "",
        )

    def chain(self, latex: str, operand: Callable[[], str], join: Callable[[Token], str]) -> str:
        """The longest chain of operands that begins with LaTeX; `join` says which signs stand between two of them."""
        while (token := self.peek()) is not None and (sign := join(token)):
            saved, signs = self.place, self.signs
            self.place += 1
            self.signs += 1
            try:
                latex += f" {sign} {operand()}"
            except NotMathematicsError:
                self.place, self.signs = saved, signs
                break
        return latex

    def product(self) -> str:
        """Factors side by side, with a sign where names are long, and quotients."""
        done: list[str] = []  # what stands before the last explicit sign
        chain = [self.power()]
        while (token := self.peek()) is not None:
            saved, signs = self.place, self.signs
            try:
                if token.text == "*" or (token.text == "." and token.apart):
                    self.place += 1
                    self.signs += 1
                    factor = self.power()
                    dot = token.text == "." or not chain[-1].operator
                    done += [_chain(chain), r"\cdot" if dot else ""]
                    chain = [factor]
                elif token.text == "/":
                    self.place += 1
                    self.signs += 1
                    chain = self.quotient(chain)
                elif self.starts(token) or (token.text == "-" and chain[-1].limits):
                    if chain[-1].called and not self.inside and self.is_long(token):
                        break
                    chain.append(self.power())
                else:
                    break
            except NotMathematicsError:
                self.place, self.signs = saved, signs
                break
        if chain[-1].limits:
            raise NotMathematicsError("an operator has no operand")
        return " ".join(part for part in (*done, _chain(chain)) if part)

    def is_long(self, token: Token) -> bool:
        """Say whether a token may be a word of the sentence as well as a name."""
        after = next((t for t in self.tokens[self.place : self.place + 2] if t.start >= token.end), None)
        indexed = after is not None and after.text == "[" and not after.spaced
        return token.text.isalpha() and len(token.text) > 2 and token.text not in GREEK | FUNCTIONS and not indexed

    def quotient(self, chain: list[Piece]) -> list[Piece]:
        """Factors of which the last ones are divided by the next; on a line, with a stroke if both are short.

        The quotient belongs to a sum before it, unless it is by a sum.
        """
        below = [self.power()]
        while below[-1].operator and (token := self.peek()) is not None and self.starts(token):
            below.append(self.power())
        if below[-1].limits:
            raise NotMathematicsError("an operator has no operand")
        first = next((i for i in range(len(chain), 0, -1) if chain[i - 1].limits), 0)
        if below[0].limits or any(piece.operator and not piece.limits for piece in chain[:first]):
            first = 0
        kept, above = chain[:first], chain[first:]
        if not above:
            raise NotMathematicsError("nothing is divided")
        top = above[0].bare if len(above) == 1 and above[0].bare else _chain(above)
        bottom = below[0].bare if len(below) == 1 and below[0].bare else _chain(below)
        if not self.display and len(above) == len(below) == 1 and not any(p.tall for p in (*above, *below)):
            return [*kept, Piece(f"{_chain(above)} / {_chain(below)}")]
        return [*kept, Piece(rf"\frac{{{top}}}{{{bottom}}}", tall=True)]

    def starts(self, token: Token) -> bool:
        """Say whether a token begins a factor that stands beside the one before."""
        if token.text == "|":
            return token.spaced and not token.apart
        if token.text == "a" and not self.inside:  # the article
            after = self.peek(1)
            return after is not None and (after.text in "^*/+-=[)" or after.text in self.known)
        return token.text == "(" or token.text[0].isdigit() or self.names(token)

    def names(self, token: Token) -> bool:
        """Say whether a token is a name in mathematics, and no word."""
        text = token.text.rstrip("'")
        if not re.fullmatch(r"[A-Za-z][\w]*_?", text):
            return False
        base, _, index = text.partition("_")
        return (
            text in self.known
            or base in LIMITS | FUNCTIONS
            or re.fullmatch(r"[A-Za-z]\d", text) is not None
            or self.is_called(token)
            or (len(base) == 1 and (len(index) < 3 or index in self.known))
            or (base in GREEK and base == text)
            or (base in GREEK | set(self.known) and bool(index) and (len(index) < 3 or index in self.known))
            or (self.inside > 0 and text not in ("in", "of", "over", "the", "with", "is", "and"))
        )

    def is_called(self, token: Token) -> bool:
        """Say whether a token is followed at once by arguments in parentheses."""
        after = next((t for t in self.tokens[self.place : self.place + 2] if t.start >= token.end), None)
        return len(token.text) > 1 and after is not None and after.text == "(" and after.start == token.end

    def power(self) -> Piece:
        """A factor with its exponent."""
        base = self.postfix()
        if not self.at("^"):
            if _is_fraction(base.bare):
                base.latex, base.bare = base.bare, ""
            return base
        self.place += 1
        self.signs += 1
        exponent = self.power() if not self.at("-") else Piece(self.take().text + self.power().latex)
        latex = f"{{{base.latex}}}^{{{exponent.bare or exponent.latex}}}"
        return Piece(latex, tall=base.tall, operator=False, long=base.long)

    def postfix(self) -> Piece:
        """An atom with its indices, and with its arguments if it is a function."""
        token = self.peek()
        if token is not None and token.text == "-":
            self.place += 1
            inner = self.power()
            return Piece(f"-{inner.latex}", tall=inner.tall, operator=inner.operator)
        piece = self.atom()
        while (token := self.peek()) is not None and not token.spaced:
            if token.text == "[" and not piece.latex[-1].isdigit():
                self.place += 1
                piece = Piece(f"{{{piece.latex}}}_{{{self.listed(']')}}}", tall=piece.tall, long=piece.long)
                while (again := self.peek()) is not None and again.text == "[" and not again.spaced:
                    self.place += 1
                    piece.latex = f"{piece.latex[:-1]},{self.listed(']')}}}"
            elif token.text == "(" and piece.letters:
                self.place += 1
                content = self.listed(")")
                if piece.latex == r"\operatorname{sqrt}":
                    piece = Piece(rf"\sqrt{{{content}}}", tall=True)
                elif piece.latex == r"\operatorname{floor}":
                    piece = Piece(rf"\lfloor {content} \rfloor")
                else:
                    tall = _is_tall(content)
                    piece = Piece(piece.latex + _enclosed("(", content, ")"), tall=tall, long=piece.long, called=True)
            elif token.text == "!":
                self.place += 1
                piece = Piece(piece.latex + "!")
            else:
                break
        return piece

    def listed(self, end: str) -> str:
        """Expressions up to a closing bracket, with what may stand between them."""
        self.signs += 1
        self.inside += 1
        between = {",": r",\,", ":": r":\,", "in": r"\in", "|": r"\mid", "||": r"\,\|\,"}
        try:
            parts = []
            while not self.at(end):
                token = self.peek()
                if token is not None and token.text in between and (token.text != "|" or token.apart):
                    parts.append(between[self.take().text])
                elif token is not None and token.text == ".":
                    self.place += 1
                    parts.append(r"\ldots" if self.at(".") else r"\cdot")
                    while self.at("."):
                        self.place += 1
                else:
                    parts.append(self.relation())
            self.expect(end)
        finally:
            self.inside -= 1
        return " ".join(parts)

    def atom(self) -> Piece:
        """A number, a name, or a group."""
        token = self.take()
        text = token.text
        if text == "(":
            inner = self.group(")")
            return Piece(_enclosed("(", inner, ")"), bare=inner, tall=_is_tall(inner))
        if text == "[":
            inner = self.group("]")
            return Piece(_enclosed("[", inner, "]"), tall=_is_tall(inner))
        if text == "|":
            inner = self.group("|")
            return Piece(_enclosed(r"\lvert", inner, r"\rvert"), tall=_is_tall(inner))
        if text[0].isdigit():
            whole, _, exponent = text.partition("e")
            scale = rf"10^{{{int(exponent)}}}" if exponent else ""
            return Piece(scale if scale and whole == "1" else rf"{whole} \cdot {scale}" if scale else whole)
        if self.names(token):
            return self.name(text)
        raise NotMathematicsError(f"{text!r} is no mathematics")

    def group(self, end: str) -> str:
        """One expression, or one between commas, up to a closing bracket; a point stands for any argument."""
        if self.at(".") and (after := self.peek(1)) is not None and after.text == end:
            self.place += 2
            self.signs += 1
            return r"\cdot"
        inner = self.relation()
        while end != "|" and self.at(","):
            self.place += 1
            inner += r",\, " + self.relation()
        self.expect(end)
        self.signs += end == "|"
        return inner

    def name(self, text: str) -> Piece:
        """A name: an operator with what it runs over, a letter with its index, or a long name."""
        prime = "'" if text.endswith("'") else ""
        text = text.rstrip("'")
        base, _, index = text.partition("_")
        if base == "mean" and base == text and self.over():
            self.signs += 1
            return self.mean()
        if base in LIMITS and base != text:
            self.signs += 1
            return self.limits(base, index)
        letter = len(base) == 1 or base in GREEK
        if not index or (text in self.known and not letter):
            return _named(text, prime, text in self.known and not self.is_called(self.tokens[self.place - 1]))
        self.signs += 1
        inner = " ".join(index) if len(index) < 3 and index not in self.known else _named(index).latex
        piece = _named(base)
        return Piece(f"{{{piece.latex}}}_{{{inner}}}{prime}", long=piece.long, letters=True)

    def over(self) -> bool:
        """Say whether the words "over ... of" come next."""
        ahead = [token.text for token in self.tokens[self.place : self.place + 8]]
        return bool(ahead) and (ahead[0] == "of" or (ahead[0] == "over" and "of" in ahead))

    def mean(self) -> Piece:
        """A mean over something in words, of all that follows in the sum."""
        words = []
        while not self.at("of"):
            words.append(self.take().text)
        self.expect("of")
        below = rf"_{{\text{{{' '.join(words)}}}}}" if words else ""
        begun, body = self.place, self.sum()
        end, self.place = self.place, begun + (self.tokens[begun].text == "-")
        self.product()
        if self.place < end:  # several terms
            body = _enclosed("(", body, ")")
        self.place = end
        return Piece(rf"\operatorname*{{mean}}{below} {body}", tall=True)

    def limits(self, base: str, index: str) -> Piece:
        """An operator with what it runs over below it."""
        if not index:
            self.expect("{")
            index = self.listed("}")
        command = _COMMANDS.get(base, rf"\operatorname*{{{base}}}")
        return Piece(f"{command}_{{{index}}}", tall=True, operator=True, limits=True)


def _named(text: str, prime: str = "", is_argument: bool = False) -> Piece:
    if text in _COMMANDS and not is_argument:
        return Piece(_COMMANDS[text], operator=True, letters=True)
    if text in GREEK:
        return Piece(rf"\{text}{prime}", letters=True)
    if text == "l":
        return Piece(r"\ell", letters=True)
    if len(text) == 1:
        return Piece(text + prime, letters=True)
    if re.fullmatch(r"[A-Za-z]\d", text):
        return Piece(f"{text[0]}_{text[1]}", letters=True)
    operator = text in FUNCTIONS and not is_argument
    kind = "operatorname" if operator else "mathrm"
    escaped = text.replace("_", r"\_")
    return Piece(rf"\{kind}{{{escaped}}}{prime}", operator=operator, long=True, letters=True)


def _is_tall(latex: str) -> bool:
    return any(command in latex for command in (r"\frac", r"\sum", r"\prod", r"\sqrt", r"\operatorname*"))


def _is_fraction(latex: str) -> bool:
    """Say whether LaTeX is one fraction and no more."""
    depth, groups, outside = 0, 0, ""
    for sign in latex:
        depth += sign == "{"
        outside += sign if depth == 0 else ""
        depth -= sign == "}"
        groups += sign == "}" and depth == 0
    return outside == r"\frac" and groups == 2


def _enclosed(opening: str, content: str, closing: str) -> str:
    return rf"\left{opening} {content} \right{closing}" if _is_tall(content) else f"{opening} {content} {closing}"


def _chain(pieces: list[Piece]) -> str:
    """Factors side by side: a sign beside long names, a thin space elsewhere."""
    latex = pieces[0].latex
    for before, after in pairwise(pieces):
        if before.operator or after.operator:
            between = " "
        elif (before.long or after.long) and not after.bare:
            between = r" \cdot "
        else:
            between = r"\, "
        latex += between + after.latex
    return latex
