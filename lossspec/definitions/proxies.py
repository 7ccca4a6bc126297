"""Definitions of the losses with a proxy for each class."""

from typing import Any

from mpmath import exp, fsum, log

from lossspec.definitions.common import cosine


def proxy_nca(embeddings: Any, proxies: Any, labels: Any, temperature: Any, own_in_sum: Any) -> Any:
    if labels not in range(len(proxies)):
        return None
    distances = [(2 - 2 * cosine(embeddings, proxy)) / temperature for proxy in proxies]
    others = [exp(-d) for c, d in enumerate(distances) if own_in_sum or c != labels]
    return distances[labels] + log(fsum(others))


def proxy_anchor(embeddings: Any, proxies: Any, labels: Any, margin: Any, alpha: Any) -> Any:
    drawn, pushed = [], []
    for c, proxy in enumerate(proxies):
        cosines = [cosine(x, proxy) for x in embeddings]
        near = [exp(-alpha * (s - margin)) for s, label in zip(cosines, labels, strict=True) if label == c]
        far = [exp(alpha * (s + margin)) for s, label in zip(cosines, labels, strict=True) if label != c]
        drawn += [log(1 + fsum(near))] if near else []
        pushed.append(log(1 + fsum(far)))
    return [(fsum(drawn) / len(drawn) if drawn else 0) + fsum(pushed) / len(pushed)] * len(embeddings)
