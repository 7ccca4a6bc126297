"""Unequal micro-batches merge to the value and the gradient of the full batch, in NumPy and in Torch."""

import numpy as np
import torch

from lossspec import cross_entropy, value_and_grad

random = np.random.default_rng(0)
logits, labels = random.normal(size=(10, 5)), random.integers(0, 5, 10)
weight = random.uniform(0.5, 2.0, 10)
shards = [slice(4, 10), slice(0, 1), slice(1, 4)]  # any sizes, any order


def partials(logits, labels, weight):
    """The contribution of each micro-batch."""
    return [cross_entropy.partial(logits[s], labels[s], sample_weight=weight[s]) for s in shards]


full, gradient = cross_entropy.value_and_grad(logits, labels, sample_weight=weight)
parts = partials(logits, labels, weight)
mean_of_means = sum(part.value() for part in parts) / len(parts)

merged, merged_gradient = value_and_grad(lambda z: sum(partials(z, labels, weight)).value())(logits)

leaf = torch.from_numpy(logits).requires_grad_()
in_torch = sum(partials(leaf, torch.from_numpy(labels), torch.from_numpy(weight))).value()
in_torch.backward()

print(f"full batch       {float(full):.15f}")
print(f"merged, NumPy    {float(merged):.15f}")
print(f"merged, Torch    {in_torch.item():.15f}")
print(f"mean of means    {float(mean_of_means):.15f}")

assert abs(full - merged) < 1e-15
assert abs(full - in_torch.item()) < 1e-15
assert np.allclose(merged_gradient, gradient, rtol=0, atol=1e-16)
assert np.allclose(leaf.grad.numpy(), gradient, rtol=0, atol=1e-16)
assert abs(full - mean_of_means) > 1e-3
