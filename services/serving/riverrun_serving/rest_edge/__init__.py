"""The REST edge: native routes, the Open Inference Protocol, documentation and probes."""
