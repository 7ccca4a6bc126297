"""A judge of a loss in another language, in Python: the standard library alone reads the vectors and measures errors.

The loss on trial is a plain function of lists; change it, and the judge says in which case and level it is wrong.
"""

import json
import math
from decimal import Decimal, localcontext
from pathlib import Path

EPS = {"float32": 2.0**-23, "float64": 2.0**-52}
LARGEST = {"float32": (2 - 2.0**-23) * 2.0**127, "float64": (2 - 2.0**-52) * 2.0**1023}
ZERO = {"float32": 2.0**-122, "float64": 2.0**-1018}  # 16 times the smallest normal number: what counts as 0


def huber(predictions, targets, delta):
    """Each loss and each derivative in a prediction."""
    losses, slopes = [], []
    for d in (p - t for p, t in zip(predictions, targets, strict=True)):
        near = abs(d) <= delta
        losses.append(d * d / 2 if near else delta * (abs(d) - delta / 2))
        slopes.append(d if near else math.copysign(delta, d))
    return losses, slopes


def error(got, low, high, scale, dtype):
    """The distance from the interval of right numbers in units of eps * scale."""
    if low == "nan":
        return 0.0 if math.isnan(got) else math.inf
    if math.isnan(got) or low in ("inf", "-inf"):
        return 0.0 if got == float(low) else math.inf
    if math.isinf(got):  # right where the interval reaches beyond the dtype
        reached = Decimal(high) > Decimal(LARGEST[dtype]) if got > 0 else Decimal(low) < -Decimal(LARGEST[dtype])
        return 0.0 if reached else math.inf
    with localcontext() as context:
        context.prec = 40
        number = Decimal(got)  # exactly
        away = float(max(Decimal(low) - number, number - Decimal(high), Decimal(0)))
    if away <= ZERO[dtype]:
        return 0.0
    return away / (EPS[dtype] * scale) if scale else math.inf


def numbers(array):
    """The entries of an array of the file, flat."""
    read = float.fromhex if array["dtype"].startswith("float") else int
    return [read(word) for word in array["values"].split()]


def judge(text, loss):
    """Yield the id of each case, its level and its worst error; the file is one of a loss with one value an element."""
    file = json.loads(text)
    cases = {}
    for case in file["cases"]:
        if "like" in case:  # inputs, parameters and exact results are those of an earlier case
            case = {**{k: cases[case["like"]][k] for k in ("inputs", "parameters", "exact")}, **case}
        case = {"parameters": {}, **case}
        cases[case["id"]] = case
        if "exact" not in case or case.get("options"):
            continue
        dtype = case["id"].partition("/")[0]
        inputs = [numbers(file["arrays"][case["inputs"][name]]) for name in file["inputs"]]
        given = {**file["parameters"], **case["parameters"]}
        if any("float" not in value for value in given.values()):
            continue  # a parameter that is an array: this loss takes numbers
        losses, slopes = loss(*inputs, **{name: float.fromhex(value["float"]) for name, value in given.items()})
        exact = case["exact"]
        rows = zip(losses, exact["values"], exact["scales"], strict=True)
        yield case["id"], "L1", max((error(got, x, x, s, dtype) for got, x, s in rows), default=0.0)
        worst = 0.0
        for block in exact["gradients"]:
            if block["of"] != file["inputs"][0]:
                continue
            high = block.get("high", {})
            for row, (low, scale) in enumerate(zip(block["low"], block["scales"], strict=True)):
                place = block["at"][row] if "at" in block else row
                if low is not None:  # else any finite number is right
                    worst = max(worst, error(slopes[place], low, high.get(str(row), low), scale, dtype))
        yield case["id"], "L3", worst
        if "values" in case and file["default_reduction"] == "mean" and losses:
            (value,), (scale,) = case["values"], case["scales"]
            yield case["id"], "L2", error(math.fsum(losses) / len(losses), value, value, scale, dtype)


if __name__ == "__main__":
    import lossspec

    folder = Path(lossspec.__file__).with_name("vectors")
    text = (folder / "huber.json").read_text("utf-8")
    budgets = {"L1": 4.0, "L2": 4.0, "L3": 8.0}
    found = list(judge(text, huber))
    for level, budget in budgets.items():
        errors = {case: away for case, of, away in found if of == level}
        worst = max(errors, key=errors.get)
        print(f"{level}: {len(errors)} cases, worst {errors[worst]:.3g} of {budget:g} eps * scale ({worst})")
        assert errors[worst] <= budget
    wrong = [case for case, of, away in judge(text, lambda *a, delta: huber(*a, 1.001 * delta)) if away > budgets[of]]
    print(f"with delta 0.1 % too large {len(set(wrong))} cases are wrong")
    assert wrong
