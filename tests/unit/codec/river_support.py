"""docs/river-support.md: which classes of River a spec can name, and what was shown of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from river._river_rust.vectordict import VectorDict

from riverrun.codec.graph_encoder import GraphEncoder
from riverrun.core.catalogue import river_catalogue
from riverrun.learners.river_allow_list import river_allow_list
from riverrun.learners.river_marks import river_marks
from tests.unit.codec.river_follow import warmed_up
from tests.unit.codec.river_part_cases import part_cases
from tests.unit.codec.river_zoo import NOT_SHOWN, UNREPEATABLE, estimator_cases
from tests.unit.learners.declarations import places

SAME, OTHER = "yes", "**no**"

# Why no place in a spec is for them, by base class: what they answer with is none of what a task asks for.
_NO_TASK = {
    "AnomalyDetector": "scores anomalies, which no task asks for",
    "SupervisedAnomalyDetector": "scores anomalies, which no task asks for",
    "Clusterer": "answers with clusters, which no task asks for",
    "Forecaster": "forecasts without features, which no task asks for",
    "MultiLabelClassifier": "answers with several labels, and a task has one",
    "MultiTargetRegressor": "answers with several numbers, and a task has one",
    "Ranker": "answers for a user and an item, which no task asks for",
}

_PAGE = """# What of River is supported

Written by a test from what River {river} and riverrun did; do not edit it. To write it anew: `{command}`.

River's public modules export {public} concrete classes. {left_out} of them are base classes, data sets,
adapters and tools, and parts that their owners make for themselves ([below](#no-parts-of-a-model)). Of the
other {known}, {estimators} are estimators, and {parts} are what estimators hold inside or are judged by.
**{good} estimators of {estimators} and {good_parts} parts of {parts} are stored bit for bit.**

What was done with each: an object learned {warm_up} examples and was encoded. A second one was decoded from
that state, and both learned {steps} more. *The same bits* says "yes" where every answer of the two was the
same in every bit, before each step and after the last; where at each of {versions} versions in between both
wrote the same delta; and where a reader, which is given deltas of the serving side alone, answered the same.
Random generators are part of the state, so generators had a seed where the class takes one, and a fixed one
in place of the system's where it takes none. Labels were text, numbers or booleans, as the class takes them.

What a model does with the hash of a text or with the order of a set depends on Python's hash seed, so all
processes have to run with one `PYTHONHASHSEED`, as those that `riverrun up` starts do. In all processes of
one seed sets iterate alike. Two classes also use what is no part of their state, and no answer depends on
it: `rules.AMRules` {amrules} (so two trainers write other keys), and `stats.KolmogorovSmirnov` draws from
the generator of the process. A Hoeffding tree that reaches its `max_size` forgets by how much memory it
takes, which differs between processes: readers follow its trainer, but a restarted trainer may go on in
another way.

## Estimators
*In a spec*: as the model of a task, as a step before it, or as the argument of another class. Where there are
other words it has no place: naming it as the model is refused with the line and what the task expects.

*Looked at for a delta*: `touched rows` and `touched nodes` say that an encoder looks at those weights or
tree nodes (and distributions) that learning touched, and at all that is outside of them; `all` that it
walks the whole object. What changed is what is sent, always.

| class | in a spec | the same bits | looked at for a delta |
| --- | --- | --- | --- |
{estimator_rows}

## Parts
Optimizers, losses, initializers and schedulers were shown in a linear model that learns by them; a metric is
also learned by being judged.

| class | in a spec | the same bits |
| --- | --- | --- |
{part_rows}

## Not supported
A spec that names one is refused with its name, the line and the reason.

| class | reason |
| --- | --- |
{refused_rows}

Those of them with "yes" above are stored: a `factory` may use them.

## No parts of a model
Refused by a spec likewise, whole modules at once.

| module or class | reason |
| --- | --- |
{no_part_rows}
"""


def page(same: Mapping[str, bool], public: int, steps: int, warm_up: int, versions: int, command: str) -> str:
    """The page; `same` says of each class that was shown whether all its bits stayed the same."""
    catalogue = river_catalogue()
    refused = [name for name, entry in catalogue.classes.items() if entry.refused]
    estimators = [name for name, entry in catalogue.classes.items() if "Estimator" in entry.ancestors]
    parts = [name for name in catalogue.classes if name not in estimators]
    marked = looked_at()
    return _PAGE.format(
        river=catalogue.river,
        command=command,
        public=public,
        left_out=public - len(catalogue.classes),
        known=len(catalogue.classes),
        estimators=len(estimators),
        parts=len(parts),
        good=sum(same.get(name, False) for name in estimators),
        good_parts=sum(same.get(name, False) for name in parts),
        steps=steps,
        warm_up=warm_up,
        amrules=UNREPEATABLE["rules.AMRules"],
        versions=versions,
        estimator_rows=_rows((n, _place(n), _bits(same, n), marked.get(n, "")) for n in estimators),
        part_rows=_rows((name, _place(name), _bits(same, name)) for name in parts),
        refused_rows=_rows((name, catalogue.refusal(name)) for name in refused),
        no_part_rows=_rows(catalogue.not_declared.items()),
    )


def looked_at() -> dict[str, str]:
    """Which units of each estimator an encoder looks at only when they were touched."""
    found: dict[str, set[str]] = {}
    for case in estimator_cases():
        model, _ = warmed_up(case, 0)
        encoder = GraphEncoder(river_allow_list(), river_marks())
        encoder.encode(model)
        marked = [unit.shared for unit in encoder._table.objects.values() if unit.marked]
        words = {"touched rows" if isinstance(shared, VectorDict) else "touched nodes" for shared in marked}
        found.setdefault(case.shows, set()).update(words)
    return {name: ", ".join(sorted(words)) or "all" for name, words in found.items()}


def shown_classes() -> set[str]:
    """The classes that have a case."""
    return {case.shows for case in (*estimator_cases(), *part_cases())}


def _rows(rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| `{name}` | {' | '.join(more)} |" for name, *more in rows)


def _bits(same: Mapping[str, bool], name: str) -> str:
    if name in NOT_SHOWN:
        return "not stored"
    return SAME if same[name] else OTHER


def _place(name: str) -> str:
    found = places(name)
    entry = river_catalogue().classes[name]
    if found:
        return "; ".join(found)
    if entry.refused:
        return "refused"
    why = next((why for base, why in _NO_TASK.items() if base in entry.ancestors), None)
    return why or "nothing takes it"
