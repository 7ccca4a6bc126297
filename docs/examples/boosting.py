"""LightGBM trained with losses as objectives: the predictions of its own objectives, and a loss it has not."""

import lightgbm
import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

from lossspec import binary_cross_entropy_with_logits, cross_entropy, huber, squared_error
from lossspec.integrations.boosting import LightGBMMetric, Objective

# A custom objective starts at 0, so the built-in ones do too.
PARAMETERS = {"deterministic": True, "num_threads": 1, "verbosity": -1, "boost_from_average": False, "metric": "None"}
ROUNDS = 40

diabetes, cancer, digits = (load(return_X_y=True) for load in (load_diabetes, load_breast_cancer, load_digits))
digits = (digits[0][:600], digits[1][:600])


def halves(data):
    """The even rows to train on, the odd ones to evaluate."""
    features, labels = data
    return (features[::2], labels[::2]), (features[1::2], labels[1::2])


def train(data, objective, **parameters):
    """The raw scores of the held-out rows."""
    (features, labels), (unseen, _) = halves(data)
    booster = lightgbm.train(
        {**PARAMETERS, "objective": objective, **parameters}, lightgbm.Dataset(features, labels), ROUNDS
    )
    return booster.predict(unseen, raw_score=True)


def held_out(loss, data, scores):
    """The mean loss of the held-out rows."""
    _, value, _ = LightGBMMetric(loss)(halves(data)[1][1], scores)
    return value


capped = huber.configured(delta=50.0)
smoothed = cross_entropy.configured(label_smoothing=0.05)
classes = {"num_class": 10}
same = {  # the function that LightGBM has built in, with the Hessian that it takes
    "squared error / 2": (diabetes, Objective(0.5 * squared_error), "regression", {}),
    "huber": (diabetes, Objective(capped, minimum_hessian=1.0), "huber", {"alpha": 50.0}),
    "binary cross entropy": (cancer, Objective(binary_cross_entropy_with_logits), "binary", {}),
    "cross entropy": (digits, Objective(cross_entropy, hessian_factor=10 / 9), "multiclass", classes),
}
print(f"{'objective':24}{'built-in':>14}{'held-out loss':>16}{'of the built-in':>18}{'largest difference':>21}")
for name, (data, objective, built_in, parameters) in same.items():
    ours, theirs = train(data, objective, **parameters), train(data, built_in, **parameters)
    worst = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
    losses = held_out(objective.loss, data, ours), held_out(objective.loss, data, theirs)
    print(f"{name:24}{built_in:>14}{losses[0]:16.6f}{losses[1]:18.6f}{worst:21.1e}")
    assert worst < 1e-6, name  # 0 wherever exp has the same last bit in both: the same gradients, so the same trees

other = {  # functions that LightGBM has not, against what it has for the same purpose
    "cross entropy, p (1 - p)": (digits, Objective(cross_entropy), cross_entropy, "multiclass", classes),
    "cross entropy, smoothed": (digits, Objective(smoothed), cross_entropy, "multiclass", classes),
    "huber, its own Hessian": (diabetes, Objective(capped, minimum_hessian=0.25), capped, "huber", {"alpha": 50.0}),
}
for name, (data, objective, loss, built_in, parameters) in other.items():
    ours, theirs = train(data, objective, **parameters), train(data, built_in, **parameters)
    losses = held_out(loss, data, ours), held_out(loss, data, theirs)
    print(f"{name:24}{built_in:>14}{losses[0]:16.6f}{losses[1]:18.6f}{'another function':>21}")
    assert losses[0] < 0.5 * held_out(loss, data, np.zeros_like(ours)), name  # it has learnt
