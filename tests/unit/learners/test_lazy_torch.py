"""Nothing pays for torch that does not use it."""

from __future__ import annotations

import subprocess
import sys


def test_a_river_learner_imports_no_torch() -> None:
    code = (
        "import sys; from riverrun.core.spec import parse_spec;"
        "from riverrun.learners.build import build_learner, build_predictor, restore_learner;"
        "spec = parse_spec('{name: a, task: binary, model: linear_model.LogisticRegression, metrics: [F1]}');"
        "learner = build_learner(spec); learner.changes(); restore_learner(spec, learner.state());"
        "sys.exit('torch' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=100)

    assert done.returncode == 0
