"""A judge of the vectors that knows nothing of the library: losses, reductions and gradients in plain Python.

`python -I tests/plain_judge.py FOLDER NAME ...` reads the files of losses by `docs/vectors.md` alone and prints, as
JSON, for each loss and level the number of results it judged, the worst error as a share of the budget, and its case;
and how many it left out. `--wrong` multiplies every loss by 1.001, to show that it can say no.
"""

import json
import math
import runpy
import sys
from math import exp, log, log1p
from pathlib import Path

PAGE = runpy.run_path(str(Path(__file__).parents[1] / "docs" / "examples" / "judge_vectors.py"))
error, numbers = PAGE["error"], PAGE["numbers"]


def sign(x):
    return (x > 0) - (x < 0)


def sigmoid(z):
    return 1 / (1 + exp(-z)) if z >= 0 else exp(z) / (1 + exp(z))


def softplus(z):
    return max(z, 0.0) + log1p(exp(-abs(z)))


def xlogy(x, y):
    return 0.0 if x == 0 else x * log(y) if y else -math.inf


def huber(d, delta):
    near = abs(d) <= delta
    return (d * d / 2, d) if near else (delta * (abs(d) - delta / 2), delta * sign(d))


def smooth(d, beta):
    return (d * d / (2 * beta), d / beta) if abs(d) < beta else (abs(d) - beta / 2, sign(d))


def log_cosh(d):
    a = abs(d)
    return (log1p(2 * math.sinh(a / 2) ** 2) if a < 1 else a + log1p(exp(-2 * a)) - log(2)), math.tanh(d)


def insensitive(d, epsilon, squared):
    beyond = max(0.0, abs(d) - epsilon)
    return (beyond**2, 2 * beyond * sign(d)) if squared else (beyond, sign(d) if beyond else 0.0)


def asymmetric(d, level, value, slope):
    share = abs(level - (d > 0))  # the target lies below the prediction
    return share * value, share * slope


def percentage(p, t, epsilon, percent):
    factor = (100 if percent else 1) / max(abs(t), epsilon)
    return factor * abs(p - t), factor * sign(p - t)


def cross_entropy(p, t):
    value = -xlogy(t, p) - (0.0 if t == 1 else (1 - t) * log1p(-p) if p < 1 else -math.inf)
    if math.isinf(value):
        return value, math.nan  # where it is infinite no derivative is judged
    return value, (-t / p if t else 0.0) + ((1 - t) / (1 - p) if t != 1 else 0.0)


def with_logits(z, t, pos_weight):
    return (
        pos_weight * t * softplus(-z) + (1 - t) * softplus(z),
        -pos_weight * t * sigmoid(-z) + (1 - t) * sigmoid(z),
    )


def sparsemax(z, t):
    plus = 0.0 if z < -1 else z if z > 1 else (z + 1) ** 2 / 4
    if t in (0, 1):  # by the distance from the margin, which keeps the digits of a small loss
        m = z if t else -z
        value = 0.0 if m > 1 else -m if m < -1 else (1 - m) ** 2 / 4
    else:
        value = plus - t * z - t * (1 - t)
    return value, (0.0 if z < -1 else 1.0 if z > 1 else (z + 1) / 2) - t


def squared_log(p, t):
    near = 0.5 < (1 + p) / (1 + t) < 2
    ratio = log1p((p - t) / (1 + t)) if near else log1p(p) - log1p(t)
    return ratio**2, 2 * ratio / (1 + p)


def divergence(p, t):
    if t == 0:
        return p, 1.0
    d = (p - t) / t
    small = abs(d) < 0.1
    series = sum((-d) ** k / k for k in range(2, 30)) if small else d - log1p(d)  # d - log(1 + d)
    return t * series, d * t / p


LOSSES = {
    "absolute_error": lambda p, t: (abs(p - t), sign(p - t)),
    "squared_error": lambda p, t: ((p - t) ** 2, 2 * (p - t)),
    "half_squared_error": lambda p, t: ((p - t) ** 2 / 2, p - t),
    "binary_brier": lambda p, t: ((p - t) ** 2, 2 * (p - t)),
    "huber": lambda p, t, delta: huber(p - t, delta),
    "smooth_l1": lambda p, t, beta: smooth(p - t, beta),
    "log_cosh": lambda p, t: log_cosh(p - t),
    "pseudo_huber": lambda p, t, delta: (
        (p - t) ** 2 / (math.hypot(1, (p - t) / delta) + 1),
        (p - t) / math.hypot(1, (p - t) / delta),
    ),
    "epsilon_insensitive": lambda p, t, epsilon, squared: insensitive(p - t, epsilon, squared),
    "quantile": lambda p, t, level: asymmetric(p - t, level, abs(p - t), sign(p - t)),
    "expectile": lambda p, t, level: asymmetric(p - t, level, (p - t) ** 2, 2 * (p - t)),
    "quantile_huber": lambda p, t, level, delta: asymmetric(p - t, level, *(x / delta for x in huber(p - t, delta))),
    "absolute_percentage_error": percentage,
    "squared_log_error": squared_log,
    "binary_cross_entropy": cross_entropy,
    "binary_cross_entropy_with_logits": with_logits,
    "binary_sparsemax": sparsemax,
    "exponential": lambda z, t: (t * exp(-z) + (1 - t) * exp(z), -t * exp(-z) + (1 - t) * exp(z)),
    "half_gamma": lambda z, t: (z + t * exp(-z), 1 - t * exp(-z)),
    "i_divergence": divergence,
    "poisson_nll": lambda z, t, log_input, full: (exp(z) - t * z, exp(z) - t),
}


def of_unit(loss, pair, given):
    """The loss of a unit and its slope in the first input; what is too large for a float is infinite."""
    try:
        return loss(*pair, **given)
    except OverflowError:
        return math.inf, math.inf
    except (ValueError, ZeroDivisionError):  # outside of the domain
        return math.nan, math.nan


def reduced(reduction, losses, weights, mask, leading, empty):
    """The values of a call by the table of the contract."""
    terms = [w * x if keep else 0.0 for x, w, keep in zip(losses, weights, mask, strict=True)]
    if reduction == "none":
        return terms
    total = math.fsum(terms) if all(map(math.isfinite, terms)) else sum(terms)
    if reduction == "sum":
        return [total]
    if reduction.startswith("over "):
        return [total / float(reduction[5:])]
    below = {
        "mean": math.fsum(w for w, keep in zip(weights, mask, strict=True) if keep),
        "count_mean": sum(mask),
        "batch_mean": leading,
    }[reduction]
    return [total / below] if below else [empty]


class Judge:
    """The file of a loss, and the errors of a plain loss on it."""

    def __init__(self, file, factor):
        self.file, self.factor, self.cases = file, factor, {}
        self.left_out = 0
        self.found = {level: [0, 0.0, ""] for level in ("L1", "L2", "L3")}

    def argument(self, value, count):
        """A parameter or an option: one for each unit where it is an array."""
        if isinstance(value, dict) and "array" in value:
            read = numbers(self.file["arrays"][value["array"]])
            return read * count if len(read) == 1 else read
        return [float.fromhex(value["float"]) if isinstance(value, dict) else value] * count

    def note(self, level, case, away):
        budget = self.file["budgets"]["gradient" if level == "L3" else "value"]
        entry = self.found[level]
        entry[0] += 1
        if away / budget > entry[1] or entry[2] == "":
            entry[1:] = [away / budget, case]

    def run(self):
        """Judge every call of the file."""
        for case in self.file["cases"]:
            if "like" in case:
                first = self.cases[case["like"]]
                case = {**{k: first[k] for k in ("inputs", "parameters", "exact")}, **case}
            case = {"parameters": {}, "options": {}, **case}
            self.cases[case["id"]] = case
            self.of_case(case)
        return {**self.found, "left out": self.left_out}

    def of_case(self, case):
        """Judge the results of one line."""
        file, exact, name = self.file, case["exact"], case["id"]
        dtype = name.partition("/")[0]
        arrays = [file["arrays"][case["inputs"][key]] for key in file["inputs"]]
        pairs = list(zip(*map(numbers, arrays), strict=True))
        columns = {key: self.argument(x, len(pairs)) for key, x in {**file["parameters"], **case["parameters"]}.items()}
        options = {key: self.argument(x, len(pairs)) for key, x in case["options"].items() if key != "reduction"}
        usual = {"sample_weight", "where", "empty"}
        fits = all(len(x) == len(pairs) for x in [*columns.values(), *options.values()])
        another = False in columns.get("log_input", []) or True in columns.get("full", [])  # of the Poisson likelihood
        if not options.keys() <= usual or not fits or another:
            self.left_out += 1
            return
        rows = [
            of_unit(LOSSES[file["loss"]], pair, {key: x[i] for key, x in columns.items()})
            for i, pair in enumerate(pairs)
        ]
        losses = [self.factor * row[0] for row in rows]
        if "like" not in case:
            for got, x, scale in zip(losses, exact["values"], exact["scales"], strict=True):
                self.note("L1", name, error(got, x, x, scale, dtype))
            self.gradients(case, rows, dtype)
        weights = options.get("sample_weight", [1.0] * len(pairs))
        mask = [bool(x) for x in options.get("where", [True] * len(pairs))]
        leading = exact["shape"][0] if exact["shape"] else 1
        empty = options["empty"][0] if options.get("empty") else math.nan
        calls = {key: tuple(x) for key, x in case.get("reductions", {}).items()}
        if "values" in case:
            calls[case["options"].get("reduction", file["default_reduction"])] = (case["values"], case["scales"])
        for reduction, (values, scales) in calls.items():
            got = reduced(reduction, losses, weights, mask, leading, empty)
            for x, value, scale in zip(got, values, scales, strict=True):
                self.note("L2", f"{name}, {reduction}", error(x, value, value, scale, dtype))

    def gradients(self, case, rows, dtype):
        """Judge the derivatives in the first input."""
        for block in case["exact"]["gradients"]:
            if block["of"] != self.file["inputs"][0]:
                continue
            for row, (low, scale) in enumerate(zip(block["low"], block["scales"], strict=True)):
                value, slope = rows[block["at"][row] if "at" in block else row]
                if low is not None and abs(value) <= PAGE["LARGEST"][dtype]:  # else any finite number is right
                    high = block.get("high", {}).get(str(row), low)
                    self.note("L3", case["id"], error(self.factor * slope, low, high, scale, dtype))


def main():
    folder, *words = sys.argv[1:]
    factor = 1.001 if "--wrong" in words else 1.0
    chosen = [word for word in words if word != "--wrong"] or list(LOSSES)
    report = {name: Judge(json.loads((Path(folder) / f"{name}.json").read_text()), factor).run() for name in chosen}
    print(json.dumps({"losses": report, "lossspec": "lossspec" in sys.modules, "numpy": "numpy" in sys.modules}))


if __name__ == "__main__":
    main()
