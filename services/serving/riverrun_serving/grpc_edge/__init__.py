"""The gRPC edge: the Open Inference Protocol, health and reflection."""
