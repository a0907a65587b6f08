"""The rows of the reliability page: what is promised, and how it is shown."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One promise. `note` says where DESIGN and DECISIONS word it otherwise than the list of faults."""

    id: str
    promise: str
    shown: str
    note: str = ""


ROWS = (
    Row(
        "A1",
        "What was acknowledged survives a crash of the parameter server.",
        "Random `kill -9` under eight pushers, two appenders of labels and four watchers; after each restart "
        "every acknowledged version is there with its digest, every acknowledged label once, and nothing is "
        "missing that a watcher saw.",
        "A line has one trainer, so eight pushers are eight models.",
    ),
    Row(
        "A2",
        "The same at every step of a commit.",
        "The process ends inside each named point, in pushes, the event log, snapshots, compaction, pruning "
        "and the first start; and at each write and sync that the kernel sees.",
        "SQLite renames nothing: for its commits the points before and after the transaction stand for it.",
    ),
    Row(
        "A3",
        "What was acknowledged survives a power cut.",
        "The store is on an ext4 image; everything stops, the image is copied while it is mounted, and the "
        "copy is recovered and judged. Half of the cuts under a busy load, half under one that rests after "
        "each push, so that nothing later makes the last commit durable.",
        "A real disk's own cache is not simulated: what the file system had sent counts as kept.",
    ),
    Row(
        "A4",
        "A torn file is repaired or refused; damage is never served.",
        "Single bits flipped and files cut at every byte of the newest pages; each opening refuses and names "
        "the file, or answers exactly as before.",
        "DECISIONS 14: a flip that changes nothing an API can return counts as found.",
    ),
    Row(
        "A5",
        "A failed fsync ends the process.",
        "`strace` makes the n-th fsync fail with EIO, from the first start on; the process ends non-zero "
        "within a second, acknowledges nothing after the error, and a restart has all that it had "
        "acknowledged.",
    ),
    Row(
        "A6",
        "A full disk refuses writes and answers reads.",
        "A 16 MiB disk is filled while clients push; pushes and labels are refused as exhausted, pulls and "
        "watches go on, and pushes work again once there is space.",
    ),
    Row(
        "A7",
        "Reads never go back, and never show what is not durable.",
        "Eight watchers behind a link that is reset, cut, slow or silent by turns, while the server is "
        "killed and restarted: what they were told, against what the recovered store holds. The watchers of "
        "A1 to A3 are judged in the same way.",
        "DECISIONS 35: a version going back means a channel's generation.",
    ),
    Row(
        "A8",
        "Files of a released version open in the next; a backup restores to equal weights.",
        "A store of each format is kept in the tree and opened; a backup of a running server is restored and "
        "pulled.",
    ),
    Row(
        "A9",
        "The disk stays bounded.",
        "Pushes of whole new weights of 1 MiB under a short retention; the folder is measured all the while, "
        "and pinned and good versions stay.",
        "DECISIONS 4: retention is by age, so twenty versions means the age in which twenty are pushed.",
    ),
)


def row(name: str) -> Row | None:
    """The row called `name`, or None."""
    return next((row for row in ROWS if row.id == name), None)
