"""Definitions of the losses of times until an event."""

from typing import Any

from mpmath import exp, expm1, fsum, inf, log, ncdf, npdf

from lossspec.definitions.common import sigmoid, softmax


def cox(log_hazards: Any, times: Any, events: Any, ties: str) -> Any:
    def unit(i: int) -> Any:
        if events[i] == 0:
            return 0 * log_hazards[i]
        risk = fsum(exp(h) for h, time in zip(log_hazards, times, strict=True) if time >= times[i])
        same = [exp(h) for h, time, e in zip(log_hazards, times, events, strict=True) if time == times[i] and e == 1]
        if ties == "breslow":
            return log(risk) - log_hazards[i]
        d = len(same)
        return fsum(log(risk - k * fsum(same) / d) for k in range(d)) / d - log_hazards[i]

    return [unit(i) for i in range(len(log_hazards))]


def discrete_survival(logits: Any, labels: Any, events: Any) -> Any:
    p = softmax(logits)
    possible = p[labels + 1 :] if events == 0 else [p[labels]]
    return -log(fsum(possible)) if any(possible) else inf


def log_logistic_aft(predictions: Any, bounds: Any, scales: Any) -> Any:
    def at(time: Any) -> Any:
        return (log(time) - predictions) / scales

    lower, upper = bounds
    if lower == upper:
        return -log(sigmoid(at(lower)) * sigmoid(-at(lower)) / scales / lower)
    if upper == inf:
        return -log(sigmoid(-at(lower))) if lower > 0 else 0 * predictions
    if lower == 0:
        return -log(sigmoid(at(upper)))
    if at(lower) > 0:  # the difference of the smaller tails
        return -log(sigmoid(-at(lower)) - sigmoid(-at(upper)))
    return -log(sigmoid(at(upper)) - sigmoid(at(lower)))


def log_normal_aft(predictions: Any, bounds: Any, scales: Any) -> Any:
    def at(time: Any) -> Any:
        return (log(time) - predictions) / scales

    lower, upper = bounds
    if lower == upper:
        return -log(npdf(at(lower)) / scales / lower)
    if upper == inf:
        return -log(ncdf(-at(lower))) if lower > 0 else 0 * predictions
    if lower == 0:
        return -log(ncdf(at(upper)))
    if at(lower) > 0:  # the difference of the smaller tails
        return -log(ncdf(-at(lower)) - ncdf(-at(upper)))
    return -log(ncdf(at(upper)) - ncdf(at(lower)))


def weibull_aft(predictions: Any, bounds: Any, scales: Any) -> Any:
    def hazard(time: Any) -> Any:
        return exp((log(time) - predictions) / scales) if time > 0 else 0 * predictions

    lower, upper = bounds
    if lower == upper:
        return hazard(lower) - log(hazard(lower) / scales / lower)
    more = hazard(upper) - hazard(lower) if upper < inf else inf
    return hazard(lower) - (log(-expm1(-more)) if more < 10**4 else 0)  # exp(-10**4) is 0 in any dtype
