"""Gates: what must hold of a version before, or just after, it answers."""

from riverrun.evaluation.gate.comparison import Comparison, Verdict

__all__ = ["Comparison", "Verdict"]
