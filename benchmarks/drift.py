"""From drift to recovery: what detectors find, and what a retrain is worth beside learning on.

Real websites (River's phishing data) are drawn at random, so that nothing changes, until at one known example
every label is turned: all that was learned is wrong at a stroke. For a model that forgets (a linear one) and
one that does not (a Hoeffding tree) each way of living with it answers the same 20 streams: frozen, learned
from scratch each day, online, and online with ADWIN on the error and a retrain that has to prove itself.
Recovered is the first 500 examples after the change with as many right answers as before it, within 1 %.
False alarms are counted where nothing changes.

``--seeds N`` takes fewer streams; the plot goes to docs/drift/recovery.png or where ``--plot`` says.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from statistics import fmean as mean
from statistics import median

import structlog
from riverrun_trainer.judging.drift_judge import DriftJudge

from benchmarks.drift_ways import AFTER, BEFORE, WAYS, Online, Retrained, Row, Told, joined, real_rows, stream
from benchmarks.figures import Figure, rounded
from riverrun.core.spec import ModelSpec, parse_spec
from riverrun.core.units import NO_UNITS

SEEDS = 20
WINDOW = 500
STATIONARY = 5_000
"""Examples of each stream without a change, for false alarms; the first thousand are not counted."""

SETTLED = 1_000
PLOT = Path(__file__).resolve().parent.parent / "docs" / "drift" / "recovery.png"

MODELS = {
    "linear": "[preprocessing.StandardScaler, "
    "linear_model.LogisticRegression: {optimizer: {optim.SGD: {lr: 0.01}}}]",
    "tree": "[tree.HoeffdingTreeClassifier: {grace_period: 100}]",
}

DETECTORS = {
    "ADWIN": "ADWIN",
    "PageHinkley, threshold 10": "{PageHinkley: {threshold: 10}}",
    "KSWIN, every 10th": "{KSWIN: {alpha: 0.0001}}, every: 10",
    "DDM": "DDM",
    "EDDM": "EDDM",
    "HDDMA": "HDDMA",
    "HDDMW": "HDDMW",
}

Right = Sequence[bool]


def spec_of(model: str, drift: Sequence[str]) -> ModelSpec:
    """The model with these detectors on its error."""
    features = ", ".join(f"{name}: float" for name in real_rows()[0][0])
    detectors = ", ".join(f"{{detector: {one}, name: d{i}}}" for i, one in enumerate(drift))
    return parse_spec(
        f"name: phishing\ntask: binary\nmodel: {MODELS[model]}\nfeatures: {{{features}}}\n"
        f"drift: [{detectors}]\n"
        "retrain: {when: [{drift: any, since_drift: true}], take_over: {examples: 100}}\n"
    )


def lived(way: Online, rows: list[Row], seed: int) -> Right:
    """Whether each answer was right."""
    return [way.take(n, row).value == row[1] for n, row in enumerate(stream(rows, seed))]


def recovered(right: Right) -> int | None:
    """Examples after the change, a window at least, until the rate is back; None where it never is."""
    sums = [0, *accumulate(right)]
    rate = [(sums[n] - sums[n - WINDOW]) / WINDOW for n in range(WINDOW, len(sums))]
    usual = mean(right[BEFORE - 2 * WINDOW : BEFORE])
    for n in range(BEFORE + WINDOW, len(right) + 1):
        if rate[n - WINDOW] >= usual - 0.01:
            return n - BEFORE
    return None


def way_figures(model: str, rows: list[Row], seeds: int) -> Iterator[tuple[str, list[Right], list[Figure]]]:
    """Each way's answers on all streams, with its figures."""
    spec = spec_of(model, ["ADWIN"])
    usual = 0.0
    for name, made in WAYS.items():
        ways = [made(spec) for _ in range(seeds)]
        answers = [lived(way, rows, seed) for seed, way in enumerate(ways)]
        back = [found for right in answers if (found := recovered(right)) is not None]
        after = mean(mean(right[BEFORE:]) for right in answers)
        usual = usual or mean(mean(right[BEFORE - 2 * WINDOW : BEFORE]) for right in answers)
        figures = [
            Figure(
                f"drift_right_after: {model}, {name}",
                rounded(after),
                "share",
                "before the change",
                rounded(usual),
                rounded(after / usual),
                note=f"mean of {AFTER} answers after it, {seeds} streams",
            ),
            Figure(
                f"drift_recovery: {model}, {name}",
                rounded(median(back)) if back else None,
                "examples",
                note=f"median of the {len(back)} of {seeds} streams that came back within {AFTER}",
            ),
        ]
        if all(isinstance(way, Retrained) for way in ways):
            figures += retrain_figures(model, [way.told for way in ways if isinstance(way, Retrained)])
        yield name, answers, figures


def retrain_figures(model: str, told: Sequence[Told]) -> Iterator[Figure]:
    """From the change to the drift that is found, and from there to the takeover."""
    found = [[n for n in one.found if n >= BEFORE] for one in told]
    taken = [[n for n in one.took_over if n >= BEFORE] for one in told]
    to_drift = [ns[0] - BEFORE for ns in found if ns]
    to_takeover = [new[0] - ns[0] for ns, new in zip(found, taken, strict=True) if ns and new]
    early = sum(n < BEFORE for one in told for n in one.asked)
    early_taken = sum(n < BEFORE for one in told for n in one.took_over)
    for name, values in (("detection", to_drift), ("takeover", to_takeover)):
        yield Figure(
            f"drift_to_{name}: {model}, online, retrained on drift",
            rounded(median(values)) if values else None,
            "examples",
            note=f"median of {len(values)} of {len(told)} streams, {min(values, default=0)} to "
            f"{max(values, default=0)}; before the change {early} retrains were asked for and {early_taken} "
            "took over",
        )


def detector_figures(model: str, rows: list[Row], seeds: int) -> Iterator[Figure]:
    """Each detector on the error of one online model: how soon it finds the change, and false alarms."""
    spec = spec_of(model, list(DETECTORS.values()))
    delays: list[list[int]] = [[] for _ in DETECTORS]
    alarms = [0 for _ in DETECTORS]
    for seed in range(seeds):
        for change, total in ((BEFORE, BEFORE + WINDOW), (STATIONARY, STATIONARY)):
            way, judge = Online(spec), DriftJudge(spec, NO_UNITS)
            first: dict[int, int] = {}
            known = dict(judge.found())
            source = stream(rows, seed + (0 if change == BEFORE else seeds), change, total - change)
            for n, row in enumerate(source):
                judge.score(joined(n, row), way.take(n, row))
                found = judge.found()
                for i in range(len(DETECTORS)):
                    if found.get(f"d{i}") != known.get(f"d{i}"):
                        if SETTLED <= n < change:
                            alarms[i] += 1
                        elif n >= change:
                            first.setdefault(i, n - change)
                known = dict(found)
            for i, delay in first.items():
                delays[i].append(delay)
    looked_at = seeds * (BEFORE + STATIONARY - 2 * SETTLED)
    for i, name in enumerate(DETECTORS):
        yield Figure(
            f"drift_detector: {model}, {name}",
            rounded(median(delays[i])) if delays[i] else None,
            "examples",
            "false alarms in 100,000 examples",
            rounded(alarms[i] * 100_000 / looked_at),
            note=f"median from the change to the first drift after it, in the {len(delays[i])} of {seeds} "
            f"streams where it came within {WINDOW}; {alarms[i]} alarms in {looked_at} examples where "
            "nothing changed",
        )


def draw(lines: dict[str, dict[str, list[Right]]], path: Path) -> None:
    """The share of right answers over time, mean of all streams, for each model and way."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    step = 100
    figure, axes = pyplot.subplots(1, len(lines), figsize=(11, 3.6), sharey=True, layout="constrained")
    for axis, (model, ways) in zip(axes, lines.items(), strict=True):
        for name, answers in ways.items():
            rate = [
                mean(mean(right[n : n + step]) for right in answers) for n in range(0, BEFORE + AFTER, step)
            ]
            axis.plot([n + step / 2 for n in range(0, BEFORE + AFTER, step)], rate, label=name, linewidth=1.2)
        axis.axvline(BEFORE, color="grey", linestyle=":", linewidth=1)
        axis.set_title(f"{model}: right answers, by 100 examples")
        axis.set_xlabel("examples; at the dotted line every label is turned")
        axis.set_ylim(0, 1)
    axes[-1].legend(loc="lower right", fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=SEEDS, help="streams for each model")
    parser.add_argument("--plot", type=Path, default=PLOT, help="where the plot goes")
    wanted = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    rows = real_rows()
    lines: dict[str, dict[str, list[Right]]] = {}
    for model in MODELS:
        lines[model] = {}
        for name, answers, figures in way_figures(model, rows, wanted.seeds):
            lines[model][name] = answers
            for figure in figures:
                print(figure.line(), flush=True)
        for figure in detector_figures(model, rows, wanted.seeds):
            print(figure.line(), flush=True)
    draw(lines, wanted.plot)


if __name__ == "__main__":
    main()
