"""The catalogue says what River is. That declarations are read rightly is in test_declaration.py."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

from riverrun.core.catalogue import river_catalogue

SCRIPT = Path(__file__).parents[3] / "scripts" / "generate_catalogue.py"


def test_the_committed_catalogue_is_what_the_library_says_today() -> None:
    script = runpy.run_path(str(SCRIPT))

    text = script["as_text"](script["catalogue"]())

    assert script["TARGET"].read_text() == text


def test_reading_the_catalogue_imports_neither_river_nor_torch() -> None:
    code = (
        "import sys; from riverrun.core.spec.source import parse_spec;"
        "parse_spec('{name: a, task: binary, model: linear_model.LogisticRegression, metrics: [ROCAUC]}');"
        "sys.exit(any(m.partition('.')[0] in ('river', 'torch', 'numpy') for m in sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60)

    assert done.returncode == 0


def test_every_kind_of_argument_can_be_satisfied_or_is_data() -> None:
    classes = river_catalogue().classes
    bases = {base for entry in classes.values() for base in entry.ancestors}
    data = {
        "float",
        "int",
        "bool",
        "str",
        "none",
        "list",
        "tuple",
        "set",
        "dict",
        "type",
        "class",
        "function",
        "any",
    }

    for name, entry in classes.items():
        for kinds in [p.kinds for p in entry.parameters] + [entry.more or ("none",)]:
            known = [kind.partition("[")[0] in data or kind in bases for kind in kinds]
            assert any(known), f"{name}: {kinds}"


def test_classes_that_cannot_be_declared_say_why() -> None:
    catalogue = river_catalogue()

    assert "function" in catalogue.refusal("compose.FuncTransformer")
    assert "function" in catalogue.refusal("compose.TargetTransformRegressor")
    assert "memory addresses" in catalogue.refusal("feature_extraction.RandomTreesEmbedding")
    assert catalogue.refusal("linear_model.LogisticRegression") == ""
    assert catalogue.refusal("no.Such") == ""


def test_base_classes_data_sets_and_tools_cannot_be_declared_and_say_why() -> None:
    catalogue = river_catalogue()

    for name in ("base.Classifier", "datasets.synth.Agrawal", "stream.Cache", "compat.SKL2RiverClassifier"):
        assert name not in catalogue.classes
        assert catalogue.refusal(name)
    assert catalogue.refusal("datasets") == ""
    assert {"optim.SGD", "optim.losses.Log", "metrics.ROCAUC", "drift.ADWIN"} <= catalogue.classes.keys()


def test_every_public_class_can_be_declared_or_has_a_reason() -> None:
    public = runpy.run_path(str(SCRIPT))["public_classes"]()

    assert len(public) > 400
    assert [
        n for n in public if n not in river_catalogue().classes and not river_catalogue().refusal(n)
    ] == []
