"""Measures retrieval: `python -m benchmarks.retrieval --data DIR`."""
