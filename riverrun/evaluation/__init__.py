"""How well a model does: prequential metrics now; holdout, gates, drift and experiments as they come."""

from riverrun.evaluation.prequential import AgainstRest, Metric, Prequential

__all__ = ["AgainstRest", "Metric", "Prequential"]
