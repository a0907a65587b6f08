"""Experiments: who sees which arm, and what may be said of the arms while people look."""

from riverrun.evaluation.experiments.assignment import ArmShare, Assignment
from riverrun.evaluation.experiments.effect import Effect
from riverrun.evaluation.experiments.sample_ratio import SampleRatio
from riverrun.evaluation.experiments.tally import Breach, ExperimentTally

__all__ = ["ArmShare", "Assignment", "Breach", "Effect", "ExperimentTally", "SampleRatio"]
