"""Plumbing that any service needs: settings, logs, metrics, lifecycle. Knows nothing of models."""
