"""Whether ``drift:`` of a spec makes sense, as far as data can tell."""

from __future__ import annotations

from riverrun.core.catalogue import Construct, Misfit, read_detector, river_catalogue
from riverrun.core.spec.drift import ERROR, PREDICTION, DriftSpec
from riverrun.core.spec.model_spec import ModelSpec

BINARY = "BinaryDriftDetector"
"""What detectors of right and wrong answers are, and those of numbers are not."""

_NUMBERS = ("float", "int", "bool")


def drift_declarations(spec: ModelSpec) -> tuple[Construct, ...]:
    """The detectors of `spec`, in order. Raises `Misfit` for an unknown one and one that does not fit."""
    declared = []
    names: set[str] = set()
    for i, drift in enumerate(spec.drift):
        detector = read_detector(drift.detector, river_catalogue(), ("drift", i, "detector"))
        _check_subject(spec, drift, detector, i)
        if drift.called in names:
            raise Misfit(("drift", i), f"{drift.called} is given twice; give each a name")
        names.add(drift.called)
        declared.append(detector)
    return tuple(declared)


def _check_subject(spec: ModelSpec, drift: DriftSpec, detector: Construct, i: int) -> None:
    path = ("drift", i, "on")
    if drift.on == ERROR:
        if detector.fits([BINARY]) and not spec.is_classifier:
            raise Misfit(path, f"{drift.class_name} counts wrong classes; of numbers ADWIN judges the error")
        return
    if detector.fits([BINARY]):
        raise Misfit(path, f"{drift.class_name} counts wrong answers: expected error")
    if drift.on == PREDICTION or spec.features is None:
        return
    feature = spec.features.get(drift.on)
    if feature is None:
        raise Misfit(path, f"expected error, prediction or a feature, got {drift.on}")
    if feature.type not in _NUMBERS:
        raise Misfit(path, f"{drift.on} is a {feature.type}; a detector is fed numbers")
    if drift.of != "newest":
        raise Misfit(("drift", i, "of"), "goes with error and prediction")
