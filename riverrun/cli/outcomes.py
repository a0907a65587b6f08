"""What a verb that changes something says: what it did, and what undoes it."""

from __future__ import annotations

from riverrun.cli.documents import Document, channel_document, line_document, retrain_document
from riverrun.cli.tables import channel_words
from riverrun.client.answers import (
    Applied,
    ChannelMoved,
    Imported,
    LettersReplayed,
    PolicyChanged,
    WasReset,
)
from riverrun.client.policy_edit import policies
from riverrun.core.retraining import Retrain
from riverrun.core.versions import CANDIDATE, LIVE, Channel


def applied_outcome(applied: Applied) -> Document:
    """What registering a spec did."""
    model, previous = applied.model, applied.previous
    if previous is None:
        did = f"registered {model.name}"
        undo = f"riverrun delete {model.name}"
    elif not applied.changed:
        did = f"{model.name} has this spec already: nothing changed"
        undo = ""
    elif applied.opened_line:
        newest = model.lines[-1].number
        did = f"{model.name} learns from scratch in line {newest} on {CANDIDATE}; live goes on as it was"
        undo = f"apply the former spec; or put the new line live: riverrun promote {model.name}"
    else:
        changes = _policy_changes(previous.spec_yaml, model.spec_yaml)
        did = f"changed the spec of {model.name} in place"
        undo = f"riverrun policy set {model.name} {changes}" if changes else "apply the former spec"
    return {
        "model": model.name,
        "spec_revision": model.spec_revision,
        "changed": applied.changed,
        "opened_line": applied.opened_line,
        "did": did,
        "undo": undo,
    }


def moved_outcome(moved: ChannelMoved) -> Document:
    """What moving a channel did."""
    name, now, before = moved.model, moved.channel, moved.previous
    if now == before:
        did = f"{name}: {channel_words(now)} already: nothing changed"
    else:
        did = f"{name}: {channel_words(now)}, was {_place(before)}"
    if moved.reset is not None:
        did += f"; learning goes on from version {now.version} in line {moved.reset.number}"
    return {
        "model": name,
        "channel": channel_document(now),
        "previous": channel_document(before),
        "reset": None if moved.reset is None else line_document(moved.reset),
        "did": did,
        "undo": _undo_move(name, now, before),
    }


def reset_outcome(done: WasReset) -> Document:
    """What a reset did."""
    return {
        "model": done.model,
        "line": line_document(done.line),
        "to": done.to,
        "previous_head": done.previous_head,
        "did": f"{done.model}: learning goes on from version {done.to} in line {done.line.number}",
        "undo": f"riverrun reset {done.model} --to {done.previous_head} --skip",
    }


def imported_outcome(imported: Imported) -> Document:
    """What bringing in an object did."""
    name, channel = imported.model, imported.channel
    waits = channel.name == CANDIDATE
    did = f"{name}: {channel_words(channel)} is what was brought in"
    return {
        "model": name,
        "version": imported.version,
        "channel": channel_document(channel),
        "did": did + ("; live goes on as it was" if waits else ""),
        "undo": f"nothing to undo while it waits; put it live: riverrun promote {name}" if waits else "",
    }


def policy_outcome(changed: PolicyChanged) -> Document:
    """What setting policies did."""
    name = changed.model.name
    undo = " ".join(f"{key}={value_text(value)}" for key, value in changed.before.items())
    return {
        "model": name,
        "spec_revision": changed.model.spec_revision,
        "before": dict(changed.before),
        "after": dict(changed.after),
        "did": f"{name}: " + ", ".join(f"{key} is {value_text(v)}" for key, v in changed.after.items()),
        "undo": f"riverrun policy set {name} {undo}",
    }


def letters_outcome(done: LettersReplayed) -> Document:
    """What replaying dead letters did."""
    did = f"{done.model}: {_letters(len(done.replayed))} replayed"
    did += f", {len(done.before)} before" if done.before else ""
    return {
        "model": done.model,
        "replayed": list(done.replayed),
        "before": list(done.before),
        "refused": dict(done.refused),
        "did": did,
        # What was learned cannot be taken out alone; what can be is all since a version.
        "undo": f"riverrun reset {done.model} --to VERSION --skip" if done.replayed else "",
    }


def retrain_started_outcome(retrain: Retrain) -> Document:
    """What starting a retrain did."""
    return {
        **retrain_document(retrain),
        "did": f"{retrain.model}: learns anew in line {retrain.line}; live goes on as it was, and line "
        f"{retrain.line} takes over if it is better: riverrun retrain list {retrain.model}",
        "undo": f"riverrun retrain cancel {retrain.model}",
    }


def retrain_cancelled_outcome(retrain: Retrain) -> Document:
    """What cancelling a retrain did."""
    return {
        **retrain_document(retrain),
        "did": f"{retrain.model}: the retrain in line {retrain.line} is over; live goes on as it was",
        "undo": f"riverrun retrain start {retrain.model}",
    }


def _letters(count: int) -> str:
    return f"{count} dead letter{'' if count == 1 else 's'}"


def words(outcome: Document) -> list[str]:
    """The outcome for people."""
    return [outcome["did"]] + ([f"undo: {outcome['undo']}"] if outcome["undo"] else [])


def _undo_move(name: str, now: Channel, before: Channel) -> str:
    option = "" if now.name == LIVE else f" --channel {now.name}"
    if now == before or before.generation == 0:
        return ""
    if before.follows is not None and now.held:
        return f"riverrun resume {name}{option}"
    return f"riverrun pin {name} {before.version}{option}"


def _place(channel: Channel) -> str:
    if channel.generation == 0:
        return "not there"
    return f"{channel.version} ({'held' if channel.held else f'line {channel.follows}'})"


def _policy_changes(before: str, after: str) -> str:
    old, new = policies(before), policies(after)
    keys = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return " ".join(f"{key}={value_text(old.get(key))}" for key in keys)


def value_text(value: object) -> str:
    """A policy's value as `policy set` takes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if not isinstance(value, list) else "[" + ",".join(map(str, value)) + "]"
