"""Benchmarks: ``python -m benchmarks`` prints what the plugin costs, as ratios measured in one run on one machine."""
