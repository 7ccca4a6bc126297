"""Losses in plain Python behind the protocol of `lossspec verify --runner`, as a pattern for any language."""

import json
import math
import sys


def squared_error(inputs, parameters):
    """The value of every unit, and the gradient of their sum."""
    (shape, predictions), (_, targets) = inputs["predictions"], inputs["targets"]
    error = [p - t for p, t in zip(predictions, targets, strict=True)]
    return {
        "value": array(shape, [e * e for e in error]),
        "gradients": {
            "predictions": array(shape, [2 * e for e in error]),
            "targets": array(shape, [-2 * e for e in error]),
        },
    }


LOSSES = {"squared_error": squared_error}


def array(shape, numbers):
    """A result: floats in hexadecimal, with spaces between them."""
    return {"shape": shape, "values": " ".join(x.hex() if math.isfinite(x) else str(x) for x in numbers)}


def reply(request):
    """The reply to one request."""
    if request["do"] == "start":
        return {"name": "plain losses", "language": "Python", "losses": list(LOSSES), "reductions": ["none"]}
    if request["dtype"] != "float64":
        return {"skipped": "Python computes in float64"}
    if request["options"].keys() - {"reduction"}:
        return {"skipped": "no weights and masks here"}
    inputs = {
        name: (x["shape"], [float.fromhex(word) for word in x["values"].split()])
        for name, x in request["inputs"].items()
    }
    return LOSSES[request["loss"]](inputs, request["parameters"])


for line in sys.stdin:
    asked = json.loads(line)
    if asked["do"] == "stop":
        break
    print(json.dumps(reply(asked), allow_nan=False), flush=True)
