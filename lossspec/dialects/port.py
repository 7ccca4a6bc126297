"""A call of one library as the equal calls of others, from the declarations of the dialects; nothing is evaluated."""

from __future__ import annotations

import ast
import inspect
import itertools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from lossspec.dialects.words import Word
from lossspec.errors import ContractError

if TYPE_CHECKING:
    from lossspec.dialects.declaration import Call, Function

LIBRARIES = ("torch", "optax", "keras", "sklearn")
_PREFIXES = {
    "torch": ("F", "torch", "nn", "functional", "torch.nn", "nn.functional", "torch.nn.functional"),
    "optax": ("optax", "optax.losses"),
    "keras": ("keras", "keras.losses", "tf.keras.losses", "losses"),
    "sklearn": ("metrics", "sklearn.metrics", "sklearn._loss", "sklearn._loss.loss", "_loss", "losses", "losses.loss"),
}
_UNDONE = {
    "log({0})": "exp({0})",
    "log({0}) - log1p(-{0})": "sigmoid({0})",
    "signs({0})": "{0}",
    "{0} != 0": "{0}",
    "softmax": "log({0})",
}
"""The form of an argument whose library applies a function to it first, where the other takes the result."""
_SPOKEN = {
    "torch": {"one_hot": "F.one_hot({0}, {1}.shape[-1])", "mean": "{0}.mean()", "sum": "{0}.sum()", "module": "torch."},
    "optax": {
        "one_hot": "jax.nn.one_hot({0}, {1}.shape[-1], dtype={1}.dtype)",
        "mean": "jnp.mean({0})",
        "sum": "jnp.sum({0})",
        "module": "jnp.",
        "smooth": "optax.smooth_labels({0}, {1})",
    },
    "keras": {"one_hot": "keras.ops.one_hot({0}, {1}.shape[-1])", "module": "keras.ops."},
    "sklearn": {"module": "np."},
}
"""The words that users of a library write around a call."""

_BASES = ("Declared", "Configured", "Loss", "BaseLoss")


@dataclass(frozen=True)
class Ported:
    """A call of a library that equals another, and what differs; without a text where the library has none."""

    library: str
    text: str
    differs: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.text or f"# {self.library} has no equal call"


@dataclass
class _Attempt:
    """A call of the target that comes near, and how near."""

    function: Any
    call: Call
    bound: dict[str, Any]
    differs: list[str] = field(default_factory=list)
    cost: int = 0


def port(call: str, to: str | Sequence[str] = LIBRARIES) -> tuple[Ported, ...]:
    """The calls of other libraries, and of lossspec, that equal a call; `to` names libraries.

    The call is parsed and never evaluated: names stay names, literals decide options.

    >>> for ported in port("F.huber_loss(x, y, delta=2.0)", to=["optax", "keras"]):
    ...     print(ported)
    lossspec.huber(x, y, delta=2.0)
    jnp.mean(optax.huber_loss(x, y, delta=2.0))
    keras.losses.Huber(delta=2.0)(y, x)
    """
    names = to.split(",") if isinstance(to, str) else list(to)
    for name in names:
        if name not in LIBRARIES:
            raise ContractError(f"port: there is no dialect {name!r}; there are {', '.join(LIBRARIES)}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            library, made, differs = _read(call)
    except TypeError as error:
        raise ContractError(f"port: {call}: {error}") from None
    if any(getattr(value, "operation", "") == "signs({0})" for value in made.arguments.values()):
        differs.append("signs(y) is 2 * y - 1 where all labels are 0 and 1, and y elsewhere")
    found = [Ported("lossspec", _ours(made), tuple(differs))]
    for name in names:
        if name != library:
            found.append(_nearest(name, made, differs))
    return tuple(found)


def _read(text: str) -> tuple[str, Call, list[str]]:
    """The library of a call, our call that it is, and where the two differ."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise ContractError(f"port: {text!r} is no Python expression: {error.msg}") from None
    if not isinstance(tree, ast.Call):
        raise ContractError(f"port: {text!r} is no call. Fix: write one, 'F.mse_loss(x, y)'")
    arguments, keywords = _arguments(tree)
    inner: ast.expr = tree.func
    method = ""
    if isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Call):
        method, inner = inner.attr, inner.value
    if isinstance(inner, ast.Call):
        library, found = _find(ast.unparse(inner.func))
        built = found(*_arguments(inner)[0], **_arguments(inner)[1]) if isinstance(found, type) else None
        if built is None:
            raise ContractError(f"port: {ast.unparse(inner)} is called again, or a method of it. Fix: port it alone")
        return library, *_of_object(library, built, method, arguments, keywords)
    library, found = _find(ast.unparse(inner))
    if isinstance(found, type):
        raise ContractError(f"port: {ast.unparse(tree)} makes a loss. Fix: call it, {ast.unparse(tree)}(x, y)")
    differs = list(found.differs)
    if library == "keras":
        differs.append("the function gives one value an example; the calls give their mean")
    made, lost = _spoken(found, arguments, keywords)
    return library, made, differs + lost


def _spoken(function: Function, arguments: list[Any], keywords: dict[str, Any]) -> tuple[Call, list[str]]:
    """The call of ours that a call makes, and those of its options without which it would be the same."""
    made = function.in_words(*arguments, **keywords)
    bound, lost = function.signature.bind(*arguments, **keywords).arguments, []
    for name, value in bound.items():
        usual = function.signature.parameters[name].default
        if usual is inspect.Parameter.empty or value is usual or value == usual:
            continue
        try:
            other = function.in_words(**{other: x for other, x in bound.items() if other != name})
        except ContractError:
            continue  # it is needed
        if (other.loss, dict(other.arguments)) == (made.loss, dict(made.arguments)):
            lost.append(f"{name}={value} is in none of the calls")
    return made, lost


def _of_object(
    library: str, built: Any, method: str, arguments: list[Any], keywords: dict[str, Any]
) -> tuple[Call, list[str]]:
    """The call that an object of a class makes."""
    if library == "sklearn":
        made = built.in_words(*arguments, **keywords)
        return _with_reduction(made, "none" if method == "loss" else "mean"), []
    if library == "torch":
        made, lost = _spoken(built.takes, arguments, {**keywords, **built.options})
        return made, list(built.takes.differs) + lost
    weight = arguments.pop() if len(arguments) == 3 else keywords.pop("sample_weight", None)
    made, lost = _spoken(built.takes, arguments, {**keywords, **built.options})
    reduction = {None: "none", "sum": "sum", "none": "none", "mean_with_sample_weight": "mean"}.get(built.reduction)
    reduction = reduction or ("count_mean" if weight is not None else "mean")
    made = _with_reduction(made, reduction, weight)
    differs = list(built.takes.differs) + lost
    if reduction in ("none", "sum") and _is_averaged(made):
        differs.append("Keras averages over the last axis first")
    return made, differs


def _is_averaged(made: Call) -> bool:
    """Say whether Keras takes the mean over the last axis before it weighs and reduces."""
    return getattr(made.then, "__name__", "") == "averaged"


def _with_reduction(made: Call, reduction: str, weight: Any = None) -> Call:
    given = {**made.arguments, "reduction": reduction}
    if weight is not None:
        given["sample_weight"] = weight
    return type(made)(made.loss, given, made.then)


def _arguments(tree: ast.Call) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a call: literals as values, all else as words."""
    for node in (*tree.args, *tree.keywords):
        if isinstance(node, ast.Starred) or (isinstance(node, ast.keyword) and node.arg is None):
            raise ContractError(f"port: {ast.unparse(tree)} unpacks arguments. Fix: write them out")
    return [_value(node) for node in tree.args], {str(k.arg): _value(k.value) for k in tree.keywords}


def _value(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return Word(ast.unparse(node))


def _find(dotted: str) -> tuple[str, Any]:
    """The library and the function or class of a dotted name."""
    prefix, _, name = dotted.rpartition(".")
    candidates = [library for library in LIBRARIES if not prefix or prefix in _PREFIXES[library]]
    found = {library: _member(library, name) for library in candidates}
    found = {library: member for library, member in found.items() if member is not None}
    if len(found) > 1:
        raise ContractError(f"port: {name!r} is in {' and '.join(found)}. Fix: write the library before it")
    if not found:
        raise ContractError(
            f"port: no dialect has {dotted!r}. Fix: F, nn, optax, keras.losses or metrics before the name of a loss"
        )
    return next(iter(found.items()))


def _member(library: str, name: str) -> Any:
    from lossspec.dialects.declaration import Declared, Function

    found = getattr(import_module(f"lossspec.dialects.{library}"), name, None)
    is_class = isinstance(found, type) and issubclass(found, Declared) and name[0] != "_" and name not in _BASES
    return found if isinstance(found, Function) or is_class else None


def _ours(made: Call) -> str:
    """Our call as one writes it."""
    names = [argument.name for argument in made.loss.contract.inputs]
    given = dict(made.arguments)
    inputs = [_text(given.pop(name)) for name in names if name in given]
    if given.get("reduction") == made.loss.contract.default_reduction or _is_plain_mean(made):
        given.pop("reduction", None)
    defaults = {parameter.name: parameter.default for parameter in made.loss.contract.parameters}
    options = [f"{name}={_text(value)}" for name, value in given.items() if defaults.get(name, inspect) != value]
    return f"lossspec.{made.loss.contract.name}({', '.join([*inputs, *options])})"


def _is_plain_mean(made: Call) -> bool:
    """Say whether a mean over the number of units is the declared mean, because nothing is weighted."""
    weighted = {"sample_weight", "class_weight"} & made.arguments.keys()
    return made.arguments.get("reduction") == "count_mean" and not weighted


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)) and any(isinstance(x, Word) for x in value):
        return f"({', '.join(map(_text, value))},)"
    return str(value) if isinstance(value, Word) else getattr(value, "__name__", "") or repr(value)


def _nearest(library: str, made: Call, differs: Sequence[str]) -> Ported:
    """The call of a library that comes nearest to ours."""
    attempts = sorted(_attempts(library, made), key=lambda attempt: (attempt.cost, len(attempt.differs)))
    if not attempts:
        return _declared_equal(library, made, differs)
    best = attempts[0]
    if best.cost >= 5:  # more than labels to be written otherwise
        declared = _declared_equal(library, made, differs)
        if declared.text:
            return declared
    text = _written(library, best, made)
    notes = dict.fromkeys((*differs, *best.differs, *getattr(best.function, "differs", ())))
    return Ported(library, text, tuple(notes))


class _Renamed(ast.NodeTransformer):
    """An expression with other expressions for some of its names."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = texts

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.parse(self.texts[node.id], mode="eval").body if node.id in self.texts else node


def _decided(condition: ast.expr) -> bool | None:
    """Say whether a condition on literals holds; None where it is about what is not known."""
    if isinstance(condition, ast.Constant):
        return bool(condition.value)
    if isinstance(condition, ast.UnaryOp) and isinstance(condition.op, ast.Not):
        inner = _decided(condition.operand)
        return None if inner is None else not inner
    if isinstance(condition, ast.BoolOp):
        parts = [_decided(part) for part in condition.values]
        stops = isinstance(condition.op, ast.Or)
        return stops if stops in parts else None if None in parts else not stops
    if isinstance(condition, ast.Compare) and len(condition.ops) == 1:
        sides = [condition.left, condition.comparators[0]]
        if all(isinstance(side, ast.Constant) for side in sides) and isinstance(condition.ops[0], (ast.Eq, ast.NotEq)):
            same = sides[0].value == sides[1].value  # type: ignore[attr-defined]
            return bool(same) == isinstance(condition.ops[0], ast.Eq)
    return None


def _declared_equal(library: str, made: Call, differs: Sequence[str]) -> Ported:
    """The call that the loss itself declares as equal, where the library has no function of that loss."""
    name, reduction = made.loss.contract.name, made.arguments.get("reduction", "mean")
    plain = "mean" if reduction in _MEANS else reduction
    weighed = {"class_weight", "sample_weight"} & made.arguments.keys()
    spoken, usual = _SPOKEN[library], {p.name: p.default for p in made.loss.contract.parameters}
    inputs = {argument.name for argument in made.loss.contract.inputs}
    for equal in made.loss.contract.equals:
        if equal.peer != library or equal.reduction not in ("none", plain) or weighed:
            continue
        texts = {name: repr(default) for name, default in usual.items()}
        texts |= {key: _text(value) for key, value in made.arguments.items() if key != "reduction"}
        condition = _Renamed(texts).visit(ast.parse(equal.when, mode="eval")).body
        if _decided(condition) is False:
            continue
        tree = _Renamed(texts).visit(ast.parse(equal.call, mode="eval")).body
        text = ast.unparse(tree)
        if equal.reduction != plain:
            text = text if isinstance(tree, ast.Call) else f"({text})"
            text = spoken.get(plain, "np.mean({0})").format(text)
        parts = [node for part in (equal.call, equal.when) for node in ast.walk(ast.parse(part))]
        said = {"axis", "reduction", *(node.id for node in parts if isinstance(node, ast.Name))}
        given = [name for name, value in made.arguments.items() if name not in inputs and value != usual.get(name)]
        lacking = [_lacking(name, made.arguments[name]) for name in given if name not in said]
        when = () if _decided(condition) else (f"where {ast.unparse(condition)}",)
        return Ported(library, text, (*differs, *lacking, *when, *equal.differs.values()))
    return Ported(library, "", (f"nothing there is {name}",))


def _members(library: str) -> Iterator[Any]:
    """The functions of a library that are losses, and for Keras and `sklearn._loss` the classes."""
    from lossspec.dialects.declaration import Function

    module = import_module(f"lossspec.dialects.{library}")
    for name in list(vars(module)):
        found = _member(library, name)
        if found is None or (library == "torch" and isinstance(found, type)):
            continue
        if not (library == "keras" and isinstance(found, Function)):
            yield found


def _attempts(library: str, made: Call) -> Iterator[_Attempt]:
    for member in _members(library):
        inputs, options = _signature(member)
        flags = [name for name, default in options.items() if isinstance(default, bool) and name != "strict"][:3]
        choices: list[tuple[Any, ...]] = [(False, True)] * len(flags)
        if library == "torch" and options.get("reduction") == "mean":
            flags, choices = [*flags, "reduction"], [*choices, ("mean", "sum", "none", "batchmean")]
        for values in itertools.product(*choices):
            bound = {n: v for n, v in zip(flags, values, strict=True) if v != options[n]}
            found = _said(member, inputs, bound)
            if found is None or found.loss.contract.name != made.loss.contract.name:
                continue
            attempt = _bind(library, member, inputs, options, bound, made)
            if attempt is not None:
                yield attempt


def _function_of(member: Any) -> Function | None:
    return getattr(member, "takes", None) if isinstance(member, type) else member


def _signature(member: Any) -> tuple[list[str], dict[str, Any]]:
    """The names of the arrays that a function or an object takes, and the defaults of all else."""
    function = _function_of(member)
    if function is None:
        constructor = inspect.signature(member).parameters
        return ["y_true", "raw_prediction"], {
            name: p.default for name, p in constructor.items() if name not in ("sample_weight", "xp", "device")
        }
    options = {n: p.default for n, p in inspect.signature(member).parameters.items() if n not in function.arrays}
    return list(function.arrays), {
        n: v for n, v in options.items() if n not in ("name", "dtype", "size_average", "reduce")
    }


def _said(member: Any, inputs: Sequence[str], bound: Mapping[str, Any]) -> Call | None:
    """The call of ours that a member of a library makes of words, or None where it refuses the options."""
    words = {name: Word(name) for name in inputs}
    function = _function_of(member)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if function is None:
                return member(**bound).in_words(**words)  # type: ignore[no-any-return]
            if isinstance(member, type):
                return function.in_words(**words, **member(**bound).options)
            return function.in_words(**words, **bound)
    except (ContractError, TypeError, AttributeError, ValueError, ZeroDivisionError):
        return None


def _bind(
    library: str, member: Any, inputs: Sequence[str], options: Mapping[str, Any], bound: dict[str, Any], made: Call
) -> _Attempt | None:
    """Give every option of our call to the argument of the member that sets it."""
    defaults = {parameter.name: parameter.default for parameter in made.loss.contract.parameters}
    ours = {parameter.name for parameter in made.loss.contract.inputs}
    wanted = {name: value for name, value in made.arguments.items() if name not in ours and name != "reduction"}
    attempt = _Attempt(member, made, bound)
    for name, value in wanted.items():
        said = _said(member, inputs, attempt.bound)
        if said is None:
            return None
        if said.arguments.get(name, defaults.get(name)) == value:
            continue
        for option in options:
            if option in attempt.bound or option == "reduction":
                continue
            trial = _said(member, inputs, {**attempt.bound, option: value})
            if trial is not None and trial.arguments.get(name) == value:
                attempt.bound[option] = value
                break
        else:
            attempt.differs.append(_lacking(name, value))
            attempt.cost += 1 if name == "ignore_index" else 4
    said = _said(member, inputs, attempt.bound)
    if said is None:
        return None
    for name, value in said.arguments.items():
        if name not in ours and name not in wanted and name != "reduction" and defaults.get(name, value) != value:
            attempt.differs.append(f"it has {name}={_text(value)}")
            attempt.cost += 4
    attempt.call = said
    attempt.cost += _apart(said, made)
    labels = said.arguments.get("labels")
    kind, given = (getattr(x, "operation", "") for x in (labels, made.arguments.get("labels")))
    if kind != given and "distribution" in (kind, given):
        attempt.cost += 2
    if kind == "distribution" and "label_smoothing" in wanted and "smooth" in _SPOKEN[library]:
        lacking = _lacking("label_smoothing", wanted["label_smoothing"])
        if lacking in attempt.differs:
            attempt.differs.remove(lacking)
            attempt.cost -= 4
    return attempt


_MEANS = ("mean", "count_mean", "batch_mean", "length_mean")


def _apart(said: Call, made: Call) -> int:
    """The difference of two calls in their reduction, and in what a row is."""
    mine, other = (x.arguments.get("reduction", "mean") for x in (said, made))
    weighted = {"sample_weight", "class_weight"} & made.arguments.keys()
    alike = mine == other or (mine in _MEANS and other in _MEANS and not weighted)
    rows = [any(getattr(v, "operation", "") == "entries" for v in x.arguments.values()) for x in (said, made)]
    return (0 if alike else 1 if mine == "none" else 5) + (0 if rows[0] == rows[1] else 1 if rows[1] else 20)


def _lacking(name: str, value: Any) -> str:
    if name == "ignore_index":
        return f"labels of {_text(value)} are not ignored"
    return f"it has nothing for {name}={_text(value)}"


def _written(library: str, attempt: _Attempt, made: Call) -> str:
    """The text of an attempt, with the reduction of our call."""
    said, spoken = attempt.call, _SPOKEN[library]
    inputs, _ = _signature(attempt.function)
    bound: dict[str, str] = {}
    for name, value in said.arguments.items():
        if isinstance(value, Word) and name in made.arguments:
            parameter = _innermost(value)
            if parameter in inputs:
                bound[parameter] = _given(library, name, value, made, attempt)
    arrays = [bound.get(name, f"<{name}>") for name in inputs]
    keywords = [f"{name}={_text(value)}" for name, value in attempt.bound.items()]
    reduction = made.arguments.get("reduction", "mean")
    plain = "mean" if reduction in _MEANS else reduction
    function = _function_of(attempt.function)
    if function is None:
        head = f"{attempt.function.__name__}({', '.join(keywords)})"
        text = f"{head}({', '.join(arrays)})" if plain != "none" else f"{head}.loss({', '.join(arrays)})"
        return f"{text[: len(head)]}.loss({', '.join(arrays)}).sum()" if plain == "sum" else text
    if library == "keras":
        if plain != "mean":
            keywords.append(f"reduction={None if plain == 'none' else plain!r}")
            if _is_averaged(said):
                attempt.differs.append("Keras averages over the last axis first")
        return f"keras.losses.{attempt.function.__name__}({', '.join(keywords)})({', '.join(arrays)})"
    text = f"{function.called}({', '.join([*arrays, *keywords])})"
    given = said.arguments.get("reduction", "mean")
    if given == "none" and plain != "none":
        text = spoken["sum" if plain == "sum" else "mean"].format(text)
    elif (given == "none") != (plain == "none") or (given == "sum") != (plain == "sum"):
        attempt.differs.append(f"its reduction is {given!r}")
    return text


def _innermost(value: Any) -> str:
    """The name of the argument that an expression is made of."""
    while isinstance(value, Word) and value.operation:
        value = value.operands[0]
    return str(value)


def _given(library: str, name: str, value: Word, made: Call, attempt: _Attempt) -> str:
    """The text for an argument of the target: our argument, with what the target does to it undone."""
    ours = made.arguments[name]
    kind, given = value.operation, getattr(ours, "operation", "")
    text = _text(ours)
    if kind == "distribution":
        first = next(_text(x) for x in made.arguments.values())
        if given != "distribution":
            text = _SPOKEN[library].get("one_hot", "{0}").format(text, first)
            attempt.differs.append("labels are distributions; those that are already stay as they are")
        smoothing = made.arguments.get("label_smoothing")
        if smoothing is not None and "label_smoothing" not in attempt.bound and "smooth" in _SPOKEN[library]:
            text = _SPOKEN[library]["smooth"].format(text, _text(smoothing))
        return text
    if kind == "codes":
        attempt.differs.append("labels are integers")
        return f"{text}.argmax(-1)" if given == "distribution" else text
    if kind == given:
        return _text(ours.operands[0]) if kind else text
    if given in ("distribution", "codes"):
        return text
    undone = _UNDONE.get(kind, "{0}")
    if given == "signs({0})":
        attempt.differs.append("labels are 1 and -1")
        text = _text(ours.operands[0])
    return undone.format(text) if undone == "{0}" or not kind else _SPOKEN[library]["module"] + undone.format(text)
