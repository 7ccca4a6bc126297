"""Benchmarks side by side: what a call costs, and what it costs beside the libraries a user would call instead.

`python -m tests.benchmarks.bench_overhead` and `python -m tests.benchmarks.bench_peers`, from the root of the
repository, with lossspec and the peers installed. They print ratios and times; nothing here asserts a time.
"""
