"""Hours with everything on: does memory, disk or latency grow? ``python -m benchmarks.soak --help``."""
