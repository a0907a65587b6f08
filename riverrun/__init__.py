"""riverrun: online learning on Kubernetes.

The model is treated as a database: predictions are reads, training steps are writes. This package is
the shared library; no process starts here (see ``services/``).
"""

__version__ = "0.1.0"
