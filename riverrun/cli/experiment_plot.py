"""The plot of an experiment: each arm's difference from the control, and where it surely lay meanwhile."""

from __future__ import annotations

from pathlib import Path

from riverrun.cli.experiment_view import state, what_answers
from riverrun.client.answers import ExperimentStatus
from riverrun.core.errors import InvalidInput, NotReady

COLOURS = ("#2b6cb0", "#c05621", "#2f855a", "#6b46c1", "#b7791f", "#97266d", "#4a5568")


FROM_KEYS = 100
"""Before so many anything is possible, and drawn it would leave no room for what comes."""


def plot(status: ExperimentStatus, path: Path) -> None:
    """Draw to `path`, as its ending says. Raises `NotReady` before the first label, `InvalidInput` where the
    ending is no format or matplotlib is not installed.
    """
    if status.results is None:
        raise NotReady(f"experiment {status.experiment.name}", "no label came yet")
    try:
        import matplotlib
    except ImportError:
        raise InvalidInput("out", "needs matplotlib: pip install 'riverrun[plot]'") from None
    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 4.5), layout="constrained")
    colours = iter(COLOURS)
    for arm in status.experiment.arms[1:]:
        result = status.results.arm(arm.name)
        if result is None or result.against_control is None:
            continue
        colour = next(colours)
        points = result.against_control.path
        late = [point for point in points if point[0] >= FROM_KEYS] or points[-1:]
        keys, difference, low, high = zip(*late, strict=True)
        axes.fill_between(keys, low, high, color=colour, alpha=0.15, linewidth=0)
        label = f"{arm.name} ({what_answers(arm)})" + (", stopped" if arm.is_stopped else "")
        axes.plot(keys, difference, label=label, color=colour, linewidth=2)
    axes.axhline(0, color="#4a5568", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlabel("keys of the arm and the control whose first label has come")
    axes.set_ylabel(f"mean loss, less that of {status.experiment.control.name}")
    mismatch = "; the shares are NOT those declared" if status.results.mismatch else ""
    axes.set_title(
        f"{status.experiment.name} on {status.model}: {state(status.experiment)}{mismatch}", loc="left"
    )
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    try:
        figure.savefig(path, dpi=120)
    except ValueError as error:
        raise InvalidInput("out", f"expected a file such as report.png or report.svg: {error}") from error
    finally:
        pyplot.close(figure)
