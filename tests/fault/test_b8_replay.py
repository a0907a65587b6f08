"""B8: learning the same log again gives the same weights, byte for byte."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fault.harness.results import ROOT

FEATURES = "features: {a: float, b: float, c: category}\n"
SPECS = {
    "linear": """\
model:
  - union:
      - [{compose.Select: [a, b]}, preprocessing.StandardScaler]
      - [{compose.Select: [c]}, preprocessing.OneHotEncoder: {drop_zeros: true}]
  - linear_model.LogisticRegression: {optimizer: {optim.Adam: {lr: 0.01}}}
""",
    "forest": """\
model:
  - preprocessing.OrdinalEncoder
  - forest.ARFClassifier: {n_models: 3, seed: 7}
""",
    "torch": "learner: torch\nmodel: {mlp: {hidden: [16], optimizer: {Adam: {lr: 0.01}}, batch: 8}}\n",
}

SEEDED_BY_THE_SYSTEM = {"forest"}
"""Of these only what serving reads is compared: River's Gaussians in the leaves of trees hold a generator
that the system seeds. Nothing but their `sample` draws from it, which nobody calls."""


def bodies(count: int, rng: random.Random) -> bytes:
    """Examples with a rule behind them, one a line."""
    lines = []
    for _ in range(count):
        features = {"a": rng.gauss(0, 3), "b": rng.gauss(0, 1), "c": rng.choice("xyz")}
        label = features["a"] > features["b"]
        lines.append(json.dumps({"features": features, "label": label}))
    return "\n".join(lines).encode()


async def replayed(spec: Path, log: Path) -> dict[str, str]:
    """The digests that a fresh process comes to, on one thread and with the hash seed of every service."""
    settings = {"PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.fault.harness.replay", str(spec), str(log)),
        env=os.environ | settings,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    found: dict[str, str] = json.loads(said)
    return found


@pytest.mark.row("B8")
@pytest.mark.parametrize("kind", SPECS)
async def test_replays_end_in_equal_bytes(
    kind: str, folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    events, replays = 10_000 if release else 1_000, 10 if release or kind == "linear" else 2
    spec, log = folder / "spec.yaml", folder / "log"
    spec.write_text(f"name: replayed\ntask: binary\n{SPECS[kind]}{FEATURES}")
    log.write_bytes(bodies(events, random.Random(seed)))

    found = [await replayed(spec, log) for _ in range(replays)]

    compared = "serving" if kind in SEEDED_BY_THE_SYSTEM else "units"
    different = sum(one[compared] != found[0][compared] for one in found)
    figures |= {"processes": replays, "events": events, "seed": seed, "that differ": different}
    assert different == 0
    # Other events end in other bytes, or equality would say nothing.
    log.write_bytes(bodies(events, random.Random(seed + 1)))
    assert (await replayed(spec, log))["units"] != found[0]["units"]
