"""Benchmarks side by side: what a call costs, and what it costs beside the libraries a user would call instead.

`python -m tests.benchmarks.bench_overhead`, and `bench_peers`, `bench_gradients` and `bench_catalogue` in the same way,
from the root of the repository, with lossspec and the peers installed. They print ratios and times; nothing here
asserts a time.
"""
