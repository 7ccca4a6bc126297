"""Three unequal micro-batches merge to the value and the gradient of the full batch; the mean of means does not."""

import torch

from lossspec import cross_entropy

generator = torch.Generator().manual_seed(0)
logits = torch.randn((10, 5), generator=generator, dtype=torch.float64, requires_grad=True)
labels = torch.randint(0, 5, (10,), generator=generator)
weight = torch.rand(10, generator=generator, dtype=torch.float64)
shards = [slice(0, 1), slice(1, 4), slice(4, 10)]

full = cross_entropy(logits, labels, sample_weight=weight)
parts = [cross_entropy.partial(logits[s], labels[s], sample_weight=weight[s]) for s in shards]
merged = sum(parts).value()
mean_of_means = sum(part.value() for part in parts) / len(parts)

print(f"full batch     {full.item():.15f}")
print(f"merged         {merged.item():.15f}")
print(f"mean of means  {mean_of_means.item():.15f}")

(full_gradient,) = torch.autograd.grad(full, logits, retain_graph=True)
(merged_gradient,) = torch.autograd.grad(merged, logits)
assert abs(full.item() - merged.item()) < 1e-15
assert torch.allclose(full_gradient, merged_gradient, rtol=0, atol=1e-16)
assert abs(full.item() - mean_of_means.item()) > 1e-3
