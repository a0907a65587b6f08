"""How well a model does: prequential metrics, and experiments that may be looked at whenever people like."""

from riverrun.evaluation.prequential import AgainstRest, Metric, Prequential
from riverrun.evaluation.roc_auc import RocAuc

__all__ = ["AgainstRest", "Metric", "Prequential", "RocAuc"]
