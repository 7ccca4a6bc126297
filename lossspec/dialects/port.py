"""A call of one library as the equal calls of others, from the declarations of the dialects; nothing is evaluated."""

from __future__ import annotations

import ast
import inspect
import itertools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lossspec
from lossspec.dialects.source import Found, Source
from lossspec.dialects.spelling import around, function_of, imports_of, spelled
from lossspec.dialects.words import Word, atom, worded
from lossspec.errors import ContractError

if TYPE_CHECKING:
    from lossspec.dialects.declaration import Call, Function

LIBRARIES = ("torch", "optax", "keras", "sklearn")
_PREFIXES = {
    "torch": (
        "F",
        "torch",
        "nn",
        "functional",
        "torch.nn",
        "nn.functional",
        "torch.nn.functional",
        "torch.nn.modules.loss",
    ),
    "optax": ("optax", "optax.losses", "losses"),
    "keras": ("keras", "keras.losses", "tf.keras.losses", "tensorflow.keras.losses", "tf.losses", "losses"),
    "sklearn": ("metrics", "sklearn.metrics", "sklearn._loss", "sklearn._loss.loss", "_loss", "losses", "losses.loss"),
}
_UNDONE = {
    "log({0})": "exp({0})",
    "log({0}) - log1p(-{0})": "sigmoid({0})",
    "softmax({0})": "log({0})",
    "{0}.swapaxes(0, 1)": "{0}.swapaxes(0, 1)",
    "{0} != 0": "{0}",
}
"""The form of an argument whose library applies a function to it first, where the other takes the result."""
_INVERSE = {"2 * {0}": "{0} / 2", "{0} ** 0.5": "{0} ** 2"}
"""The way back from what is written around a call."""
_SMOOTHED = {"optax": "optax.smooth_labels({0}, {1})"}
"""Smoothed labels, where a library has a function for them and no option."""
_REDUCED = {"torch": "{0}.{1}()", "optax": "jnp.{1}({0})", "keras": "keras.ops.{1}({0})", "sklearn": "np.{1}({0})"}
"""The mean or the sum of what a call gives."""

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
    wanted: Call
    """Our call as the target has to say it, without the weights that stand around it."""
    differs: list[str] = field(default_factory=list)
    cost: int = 0


def port(call: str, to: str | Sequence[str] = LIBRARIES) -> tuple[Ported, ...]:
    """The calls of other libraries, and of lossspec, that equal a call; `to` names libraries.

    The call is parsed and never evaluated: names stay names, literals decide options. It may stand in an expression, in
    a function or in a file, whose text or path is given: all calls of losses there are replaced, of objects that are
    made there too, and the rest stays as it is.

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
    source = Source(_text_of(call), _find)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = [_made_of(found) for found in source.calls]
    ported = []
    for library in ("lossspec", *names):
        texts = [
            _ported(library, call, differs) if of != library else Ported(library, found.text)
            for found, (of, call, differs) in zip(source.calls, made, strict=True)
        ]
        if any(of != library for of, _, _ in made):
            ported.append(_joined(library, source, texts))
    return tuple(ported)


def _text_of(call: str) -> str:
    """A call, or the text of the file of Python that has this name."""
    return Path(call).read_text(encoding="utf-8") if call.endswith(".py") and "\n" not in call else call


def _ported(library: str, made: Call, differs: Sequence[str]) -> Ported:
    return Ported(library, _ours(made), tuple(differs)) if library == "lossspec" else _nearest(library, made, differs)


def _joined(library: str, source: Source, found: Sequence[Ported]) -> Ported:
    """The source with its calls replaced, and what differs in each of them."""
    if source.is_call:
        return found[0]
    text = source.replaced([each.text for each in found])
    notes = []
    for call, each in zip(source.calls, found, strict=True):
        lacks = () if each.text else (f"{library} has no equal call, and it stays as it is",)
        notes += [f"{call.text}: {note}" for note in (*lacks, *each.differs)]
    if source.is_module:
        text = "\n".join([*imports_of(library, "\n".join(each.text for each in found)), text])
    return Ported(library, text, tuple(dict.fromkeys(notes)))


def _made_of(found: Found) -> tuple[str, Call, list[str]]:
    """The library of a call, our call that it is, and where the two differ."""
    try:
        library, made, differs = _read(found)
    except TypeError as error:
        raise ContractError(f"port: {found.text}: {error}") from None
    given = made.arguments
    if library == "torch" and given.get("ignore_index") == -100:
        differs.append("labels are read as integers; for distributions leave out `ignore_index`")
    if "pos_weight" in given:
        differs.append("labels are 0 and 1, and lossspec takes `pos_weight` with as many axes as the logits")
    if library == "sklearn" and isinstance(given.get("sample_weight"), Word):
        differs.append("the arrays have one axis, or rows of classes")
    if not found.reduction:
        return library, made, differs
    if made.arguments.get("reduction") != "none" or made.said != "{0}":
        return library, replace(made, said=around(f"{{0}}.{found.reduction}()", made.said)), differs
    how = "count_mean" if found.reduction == "mean" else "sum"
    return library, _with_reduction(made, how), [note for note in differs if note != _AVERAGED]


def _read(call: Found) -> tuple[str, Call, list[str]]:
    arguments, keywords = _arguments(call.tree)
    if call.maker is not None:
        library, found = call.found
        built = found(*_arguments(call.maker)[0], **_arguments(call.maker)[1]) if isinstance(found, type) else None
        if built is None:
            raise ContractError(
                f"port: {ast.unparse(call.maker)} is called again, or a method of it. Fix: port it alone"
            )
        if call.method not in ("", "loss", "call", "forward"):
            raise ContractError(
                f"port: {call.text} is no value of a loss. Fix: port the loss, and call {call.method!r}'s equal of it"
            )
        return library, *_of_object(library, built, call.method, arguments, keywords)
    library, found = call.found
    if isinstance(found, type):
        raise ContractError(f"port: {call.text} makes a loss. Fix: call it, {call.text}(x, y)")
    made, lost = _spoken(found, arguments, keywords)
    if library == "keras" and made.arguments.get("reduction") == "mean":
        averaged = _is_averaged(made)
        made = replace(_with_reduction(made, "none"), said="{0}.mean(-1)" if averaged else "{0}")
    return library, made, list(found.differs) + lost


def _spoken(function: Function, arguments: list[Any], keywords: dict[str, Any]) -> tuple[Call, list[str]]:
    """The call of ours that a call makes, and those of its options without which it would be the same."""
    made = function.in_words(*arguments, **keywords)
    bound, lost = function.signature.bind(*arguments, **keywords).arguments, []
    for name, value in bound.items():
        usual = function.signature.parameters[name].default
        if usual is inspect.Parameter.empty or value is usual or value == usual:
            continue
        if name in ("dim", "axis") and value == -1:  # as all of ours
            continue
        try:
            other = function.in_words(**{other: x for other, x in bound.items() if other != name})
        except ContractError:
            continue  # it is needed
        if (other.loss, dict(other.arguments), other.said) == (made.loss, dict(made.arguments), made.said):
            lost.append(f"{name}={_text(value)} is in none of the calls")
    return made, lost


def _of_object(
    library: str, built: Any, method: str, arguments: list[Any], keywords: dict[str, Any]
) -> tuple[Call, list[str]]:
    """The call that an object of a class makes."""
    if library == "sklearn":
        made = built.in_words(*arguments, **keywords)
        halves = "sklearn keeps half the square of the target"
        differs = [halves] if made.loss.contract.name == "half_tweedie" and made.arguments.get("power") == 0 else []
        return _with_reduction(made, "none" if method == "loss" else "mean"), differs
    if library == "torch":
        made, lost = _spoken(built.takes, arguments, {**keywords, **built.options})
        return made, list(built.takes.differs) + lost
    weight = arguments.pop() if len(arguments) == 3 else keywords.pop("sample_weight", None)
    made, lost = _spoken(built.takes, arguments, {**keywords, **built.options})
    differs = list(built.takes.differs) + lost
    if made.said != "{0}":  # of regions, one value for all
        return made, differs
    reduction = {None: "none", "sum": "sum", "none": "none", "mean_with_sample_weight": "mean"}.get(built.reduction)
    reduction = reduction or ("count_mean" if weight is not None else "mean")
    if not _is_averaged(made) or (reduction == "mean" and weight is None):
        return _with_reduction(made, reduction, weight), differs
    values, weights = "{0}.mean(-1)", "" if weight is None else atom(weight)
    total = values if weight is None else f"({weights} * {values})"
    said = {"none": "{0}", "sum": "{0}.sum()", "count_mean": "{0}.mean()", "mean": f"{{0}}.sum() / {weights}.sum()"}
    return replace(_with_reduction(made, "none"), said=said[reduction].replace("{0}", total)), differs


def _is_averaged(made: Call) -> bool:
    """Say whether Keras takes the mean over the last axis before it weighs and reduces."""
    return getattr(made.then, "__name__", "") == "averaged"


def _with_reduction(made: Call, reduction: str, weight: Any = None) -> Call:
    given = {**made.arguments, "reduction": reduction}
    if weight is not None:
        given["sample_weight"] = weight
    return replace(made, arguments=given)


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
    return around(made.said, f"lossspec.{made.loss.contract.name}({', '.join([*inputs, *options])})")


def _is_plain_mean(made: Call) -> bool:
    """Say whether a mean over the number of units is the declared mean, because nothing is weighted."""
    return made.arguments.get("reduction") == "count_mean" and not _weights_of(made)


def _text(value: Any) -> str:
    return spelled("lossspec", value)


def _weights_of(made: Call) -> set[str]:
    return {"sample_weight", "class_weight"} & made.arguments.keys()


def _weight_text(library: str, made: Call) -> str | None:
    """The weight of each unit as an expression, or None where there is none, or none that can be written."""
    given, factors = made.arguments, []
    if "sample_weight" in given:
        factors.append(atom(spelled(library, given["sample_weight"])))
    labels = given.get("labels")
    if "class_weight" in given:
        if "label_smoothing" in given or getattr(labels, "operation", "") == "distribution":
            return None
        factors.append(f"{atom(spelled(library, given['class_weight']))}[{spelled(library, labels)}]")
    if "pos_weight" in given and given.get("reduction") != "mean":
        text = atom(spelled(library, given["pos_weight"]))
        factors.append(f"1 + ({text} - 1) * {atom(spelled(library, given['targets']))}")
    ignored = given.get("ignore_index")
    if isinstance(ignored, int) and ignored >= 0:
        factors.append(f"{atom(spelled(library, labels))} != {ignored}")
    return " * ".join(map(atom, factors)) if len(factors) > 1 else "".join(factors) or None


def _unweighted(made: Call) -> Call:
    """A call without its weights, one value a unit."""
    ignored = made.arguments.get("ignore_index")
    gone = {"sample_weight", "class_weight", "pos_weight"} | (
        {"ignore_index"} if isinstance(ignored, int) and ignored >= 0 else set()
    )
    return _with_reduction(
        replace(made, arguments={k: v for k, v in made.arguments.items() if k not in gone}), "none"
    )  # fmt: skip


def _combined(library: str, text: str, made: Call, weight: str | None) -> str:
    """Return the text of the reduction of our call, of the text of one value a unit."""
    how = made.arguments.get("reduction", "mean")
    total = text if weight is None else f"{atom(weight)} * {atom(text)}"
    if how == "none":
        return total

    def reduced(name: str, of: str) -> str:
        return _REDUCED[library].format(atom(of) if library == "torch" else of, name)

    if how == "length_mean":
        total = f"{atom(total)} / {atom(spelled(library, made.arguments['label_lengths']))}"
    if how == "mean" and weight is not None:
        return f"{reduced('sum', total)} / {reduced('sum', weight)}"
    return reduced("sum" if how == "sum" else "mean", total)


def _nearest(library: str, made: Call, differs: Sequence[str]) -> Ported:
    """The call of a library that comes nearest to ours."""
    found: list[tuple[int, int, str, _Attempt]] = []
    if "pos_weight" in made.arguments and not _weights_of(made) and made.arguments.get("reduction") == "mean":
        made = _with_reduction(made, "count_mean")  # it is a factor and no weight
    for number, call in enumerate((made, *_kin(made))):
        weight = _weight_text(library, call)
        for wanted in (call,) if weight is None else (call, _unweighted(call)):
            for attempt in _attempts(library, wanted):
                text = _written(library, attempt, call, weight)
                cost = attempt.cost + (wanted is not call) + (number > 0)
                if text:
                    found.append((cost, len(attempt.differs), text, attempt))
    if not found:
        return _declared_equal(library, made, differs)
    cost, _, text, best = min(found, key=lambda each: each[:2])
    if cost >= 5:  # more than labels to be written otherwise
        declared = _declared_equal(library, made, differs)
        if declared.text:
            return declared
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


_NAMED = {"ops": "keras.ops"}
"""The modules of declared calls under the names that users write."""


def _declared_equal(library: str, made: Call, differs: Sequence[str]) -> Ported:
    """The call that the loss itself declares as equal, where the library has no function of that loss."""
    name, reduction = made.loss.contract.name, made.arguments.get("reduction", "mean")
    usual = {p.name: p.default for p in made.loss.contract.parameters}
    inputs = {argument.name for argument in made.loss.contract.inputs}
    weight = _weight_text(library, made)
    around_it = {"class_weight", "sample_weight", "ignore_index"} if weight else set()
    for equal in made.loss.contract.equals:
        alike = reduction in _MEANS and equal.reduction == "mean" and not _weights_of(made)
        kinds = {"distribution": "labels.dtype.kind == 'i'", "codes": "labels.dtype.kind == 'f'"}
        if kinds.get(getattr(made.arguments.get("labels"), "operation", ""), "?") in equal.when:
            continue
        if equal.peer != library or not (equal.reduction == "none" or alike or equal.reduction == reduction):
            continue
        texts = {name: repr(default) for name, default in usual.items()}
        texts |= {key: spelled(library, value) for key, value in made.arguments.items() if key != "reduction"}
        condition = _Renamed(texts).visit(ast.parse(equal.when, mode="eval")).body
        if _decided(condition) is False:
            continue
        text = ast.unparse(_Renamed({**texts, **_NAMED}).visit(ast.parse(equal.call, mode="eval")).body)
        if equal.reduction == "none":
            text = _combined(library, text, made, weight)
        parts = [node for part in (equal.call, equal.when) for node in ast.walk(ast.parse(part))]
        said = {"reduction", *around_it, *(node.id for node in parts if isinstance(node, ast.Name))}
        given = [name for name, value in made.arguments.items() if name not in inputs and value != usual.get(name)]
        lacking = [_lacking(name, made.arguments[name]) for name in given if name not in said]
        when = () if _decided(condition) else (f"where {ast.unparse(condition)}",)
        return Ported(library, around(made.said, text), (*differs, *lacking, *when, *equal.differs.values()))
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


@cache
def _candidates(library: str) -> dict[str, list[tuple[Any, list[str], dict[str, Any], dict[str, Any]]]]:
    """The losses that a library has, by our name: functions and classes, arguments, and flags that choose them."""
    found: dict[str, list[Any]] = {}
    for member in _members(library):
        inputs, options = _signature(member)
        flags = [name for name, default in options.items() if isinstance(default, bool) and name != "strict"][:3]
        choices: list[tuple[Any, ...]] = [(False, True)] * len(flags)
        if library == "torch" and options.get("reduction") == "mean":
            flags, choices = [*flags, "reduction"], [*choices, ("mean", "sum", "none", "batchmean")]
        for values in itertools.product(*choices):
            bound = {n: v for n, v in zip(flags, values, strict=True) if v != options[n]}
            said = _said(member, inputs, bound)
            if said is not None:
                found.setdefault(said.loss.contract.name, []).append((member, inputs, options, bound))
    return found


def _attempts(library: str, made: Call) -> Iterator[_Attempt]:
    for member, inputs, options, bound in _candidates(library).get(made.loss.contract.name, ()):
        attempt = _bind(library, member, inputs, options, dict(bound), made)
        if attempt is not None:
            yield attempt


_OF_LOGARITHMS = {
    "categorical_cross_entropy": ("probabilities", "log({0})"),
    "nll": ("log_probabilities", "{0}"),
}
"""Losses that are the cross entropy of logits, as the logarithms of probabilities are some."""
_KIN: dict[str, tuple[tuple[str | bool, dict[str, Any], str], ...]] = {
    "half_squared_error": (("squared_error", {}, "0.5 * {0}"),),
    "squared_error": (("half_squared_error", {}, "2 * {0}"),),
    "absolute_percentage_error": (
        (True, {"percent": False}, "100 * {0}"),
        (False, {"percent": True}, "{0} / 100"),
    ),
    "cosine_distance": (
        ("distance", {"form": "similarity"}, "1 - {0}"),
        ("distance", {"form": "negative"}, "1 + {0}"),
        ("similarity", {"form": "distance"}, "1 - {0}"),
        ("similarity", {"form": "negative"}, "-{0}"),
        ("negative", {"form": "similarity"}, "-{0}"),
        ("negative", {"form": "distance"}, "{0} - 1"),
    ),
}
"""Losses that are a multiple or a complement of another: its name, or the option that it has, and how."""


def _kin(made: Call) -> Iterator[Call]:
    """A call of another loss, or of another form, with what makes ours of it."""
    given, this = made.arguments, made.loss.contract.name
    if this == "poisson_nll":
        log_input = given.get("log_input", True)
        mean = worded("exp({0})" if log_input else "log({0})", given["predictions"])
        yield replace(made, arguments={**given, "predictions": mean, "log_input": not log_input})
    if this in _OF_LOGARITHMS:
        name, pattern = _OF_LOGARITHMS[this]
        rest = {key: value for key, value in given.items() if key != name}
        yield replace(made, loss=lossspec.cross_entropy, arguments={"logits": worded(pattern, given[name]), **rest})
    for other, options, pattern in _KIN.get(this, ()):
        if options and other not in (given.get("form", "distance"), given.get("percent", False)):
            continue
        loss = made.loss if options else getattr(lossspec, str(other))
        said = made.said.replace("{0}", pattern if made.said == "{0}" else f"({pattern})")
        yield replace(made, loss=loss, arguments={**made.arguments, **options}, said=said)


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
    attempt = _Attempt(member, made, bound, made)
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
            if (
                library == "keras"
                and name in ("sample_weight", "class_weight", "pos_weight")
                and _weight_text(library, made)
            ):
                continue  # the third argument of a call
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
    if said.said not in ("{0}", made.said, *_INVERSE):
        return None
    attempt.cost += _apart(said, made, library)
    labels = said.arguments.get("labels")
    kind, given = (getattr(x, "operation", "") for x in (labels, made.arguments.get("labels")))
    if kind != given and "distribution" in (kind, given):
        attempt.cost += 2
    if kind == "distribution" and "label_smoothing" in wanted and library in _SMOOTHED:
        lacking = _lacking("label_smoothing", wanted["label_smoothing"])
        if lacking in attempt.differs:
            attempt.differs.remove(lacking)
            attempt.cost -= 4
    return attempt


_MEANS = ("mean", "count_mean", "batch_mean", "length_mean")
_ALIKE = ("mean", "count_mean", "batch_mean")
"""Means that are one where nothing is weighted."""


def _apart(said: Call, made: Call, library: str) -> int:
    """The difference of two calls in their reduction, and in what a row is."""
    mine, other = (x.arguments.get("reduction", "mean") for x in (said, made))
    alike = mine == other or (mine in _ALIKE and other in _ALIKE and not _weights_of(made))
    alike = alike or library == "keras"  # whose objects have all of them
    rows = [any(getattr(v, "operation", "") == "entries" for v in x.arguments.values()) for x in (said, made)]
    return (0 if alike else 1 if mine == "none" else 5) + (0 if rows[0] == rows[1] else 1 if rows[1] else 20)


def _lacking(name: str, value: Any) -> str:
    if name == "ignore_index":
        return f"labels of {_text(value)} are not ignored"
    return f"it has nothing for {name}={_text(value)}"


def _written(library: str, attempt: _Attempt, made: Call, weight: str | None) -> str:
    """The text of an attempt, with the reduction of our call; an empty one where an argument of it is not known."""
    said, wanted = attempt.call, attempt.wanted
    around_it = wanted is not made
    inputs, _ = _signature(attempt.function)
    bound: dict[str, str] = {}
    for name, value in said.arguments.items():
        if isinstance(value, Word) and name in made.arguments:
            parameter = _innermost(value)
            if parameter in inputs:
                bound[parameter] = _given(library, name, value, made, attempt)
            elif value != made.arguments[name]:
                attempt.differs.append(_lacking(name, made.arguments[name]))
    if any(not bound.get(name) for name in inputs):
        return ""
    arrays = [bound[name] for name in inputs]
    keywords = [f"{name}={spelled(library, value)}" for name, value in attempt.bound.items()]
    if library == "keras":
        return _of_keras(attempt, arrays, keywords, made, weight)
    reduction = wanted.arguments.get("reduction", "mean")
    function = _function_of(attempt.function)
    if function is None:
        text, given = _of_sklearn(attempt.function, arrays, keywords, wanted), reduction
        given = given if given == "none" else "mean"
        if reduction == "sum" or (around_it and reduction == "none"):
            text, given = _of_sklearn(attempt.function, arrays, keywords, _with_reduction(wanted, "none")), "none"
    else:
        if function.called.startswith("metrics.") and "sample_weight" in wanted.arguments:
            if _is_elementwise(wanted):
                weights = spelled(library, attempt.bound.pop("sample_weight"))
                keywords = [f"{n}={spelled(library, v)}" for n, v in attempt.bound.items()]
                keywords.append(f"sample_weight={atom(weights)}.ravel()")
                arrays = [f"{atom(x)}.ravel()" for x in arrays]
        elif function.called in ("metrics.hinge_loss", "metrics.brier_score_loss"):
            arrays = [f"{atom(x)}.ravel()" for x in arrays]
        text = f"{function.called}({', '.join([*arrays, *keywords])})"
        given = said.arguments.get("reduction", "mean")
    own = said.said if said.said != made.said else "{0}"
    text = around(_INVERSE.get(own, "{0}"), text)
    if around_it or (given == "none" and reduction != "none"):
        if given != "none":
            return ""
        text = _combined(library, text, made, weight if around_it else None)
    elif reduction == "none" and given != "none" and made.said != "{0}":
        return ""
    elif (given == "none") != (reduction == "none") or (given == "sum") != (reduction == "sum"):
        attempt.differs.append(f"its reduction is {given!r}")
    elif given != reduction and _weights_of(wanted):
        divisor = "sum of the weights" if given == "mean" else "number of values"
        attempt.differs.append(f"its mean divides by the {divisor}")
    return around(made.said, text) if own == said.said else text


def _is_elementwise(made: Call) -> bool:
    """Say whether each element of the arrays is a unit by itself."""
    return made.loss.contract.unit == "element"


def _of_sklearn(member: Any, arrays: Sequence[str], keywords: Sequence[str], made: Call) -> str:
    """A call of an object of sklearn, which takes vectors of one dtype."""
    if "labels" in made.arguments and made.loss.contract.name == "cross_entropy":
        labels, logits = arrays
        keywords = [*keywords, f"n_classes={atom(logits)}.shape[-1]"]
        arrays = [f"{atom(labels)}.astype({atom(logits)}.dtype)", logits]
    flat = [f"{atom(x)}.ravel()" for x in arrays] if _is_elementwise(made) else arrays
    head = f"losses.{member.__name__}({', '.join(keywords)})"
    if made.arguments.get("reduction") != "none":
        return f"{head}({', '.join(flat)})"
    shaped = f".reshape({atom(arrays[-1])}.shape)" if _is_elementwise(made) else ""
    return f"{head}.loss({', '.join(flat)}){shaped}"


_AVERAGED = "{0}.mean(-1)"
"""The mean over the last axis, which Keras takes before it weighs and reduces."""


def _of_keras(attempt: _Attempt, arrays: list[str], keywords: list[str], made: Call, weight: str | None) -> str:
    """A call of an object of Keras, which weighs and reduces, of elements after a mean over the last axis."""
    reduction = made.arguments.get("reduction", "mean")
    said, averaged = made.said, _is_averaged(attempt.call)
    if averaged and reduction == "none" and _AVERAGED in said and weight is None:
        said, averaged = said.replace(_AVERAGED, "{0}"), False
    if attempt.call.said == said != "{0}":
        said, reduction = "{0}", "mean"
    plain = "mean" if reduction in _MEANS else reduction
    if plain != "mean":
        keywords.append(f"reduction={None if plain == 'none' else plain!r}")
    elif weight is not None and reduction == "mean":
        keywords.append("reduction='mean_with_sample_weight'")
    if averaged and (plain != "mean" or weight is not None):
        arrays = [f"{atom(x)}[..., None]" for x in arrays]
    if weight is not None:
        arrays = [*arrays, weight]
    text = f"keras.losses.{attempt.function.__name__}({', '.join(keywords)})({', '.join(arrays)})"
    return around(said, text)


def _innermost(value: Any) -> str:
    """The name of the argument that an expression is made of."""
    while isinstance(value, Word) and value.operation:
        value = value.operands[0]
    return str(value)


def _given(library: str, name: str, value: Word, made: Call, attempt: _Attempt) -> str:
    """The text for an argument of the target: our argument, with what the target does to it undone."""
    ours = made.arguments[name]
    kind, given = value.operation, getattr(ours, "operation", "")
    text = spelled(library, ours)
    if kind == "distribution":
        first = next(spelled(library, x) for x in made.arguments.values())
        if given != "distribution":
            text = function_of(library, "one_hot({0}, {1})", atom(text), atom(first))
            attempt.differs.append("labels are integers; those that are distributions already stay as they are")
        smoothing = made.arguments.get("label_smoothing")
        if smoothing is not None and "label_smoothing" not in attempt.bound and library in _SMOOTHED:
            text = _SMOOTHED[library].format(text, spelled(library, smoothing))
        return text
    if kind == "codes":
        attempt.differs.append("labels are integers")
        return f"{atom(text)}.argmax(-1)" if given == "distribution" else text
    if kind == given:
        return spelled(library, ours.operands[0]) if kind else text
    if given in ("distribution", "codes") or kind in ("", "entries"):
        return text
    if kind == "signs({0})":
        attempt.differs.append("labels are 1 and -1")
        return text
    undone = _UNDONE.get(kind)
    return "" if undone is None else function_of(library, undone, atom(text))
