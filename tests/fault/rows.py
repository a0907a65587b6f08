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
        "Single bits flipped, and files cut short within their newest pages; each opening refuses and names "
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
    Row(
        "B1",
        "Each event changes the weights once.",
        "A model whose weights count events, fed while its trainer and the parameter server are killed by "
        "turns: every event is learned once, and in every version that was looked at the events learned are "
        "those before its position.",
        "Over the embedded log, which has one partition; brokers are not among the parts yet.",
    ),
    Row(
        "B2",
        "Weights and offsets never disagree.",
        "The trainer ends inside each named step between two of its own, or the parameter server inside a "
        "push, over one line: the events that the newest version learned are those before its position, and "
        "each bad event is set aside once.",
    ),
    Row(
        "B3",
        "A push whose answer was lost is stored once.",
        "A gateway loses the first answer to each push: with the session's stream that it came over, and of "
        "the call `Push`, which is then made again. The waits between two sessions are scaled down.",
    ),
    Row(
        "B4",
        "A trainer that was replaced pushes no more.",
        "SIGSTOP for the trainer that leads, until another one is elected, then SIGCONT: it lets go of its "
        "session, and a push in its epoch on top of the newest version is refused. The lease is scaled down.",
        "DESIGN: who lost its session waits for another turn, and does not exit.",
    ),
    Row(
        "B5",
        "Epochs never repeat.",
        "`kill -9` of the parameter server while four clients acquire sessions, at random and inside each "
        "step of the grant: what anybody was told only rises.",
    ),
    Row(
        "B6",
        "Clocks do not matter.",
        "The wall clocks of the parameter server and the trainer are a day off and set by days while a model "
        "that counts events is fed, and labels are sent again after each step: none counts twice and no "
        "session is lost. Clocks that go half and twice as fast, passed in, lose no session.",
        "ADR 12: ids age by the time that the log is open, not by the wall clock.",
    ),
    Row(
        "B7",
        "Dead work ends the lease.",
        "The loop of the trainer that leads hangs, ends, or takes 2 GiB under a memory cgroup, at an event "
        "that hurts it alone: another trainer has a session within the lease and two seconds, and goes on.",
        "The lease is scaled down. A model's own exception ends nothing: that event is a dead letter.",
    ),
    Row(
        "B8",
        "A replay ends in the same weights.",
        "Processes of their own learn the same log from version 0 and compare all units of the state, byte "
        "for byte: a linear pipeline and a forest of River, a torch network on one thread.",
        "Of the forest the serving side is compared: in the leaves of its trees River keeps generators, "
        "never drawn from, which the system seeds.",
    ),
    Row(
        "B9",
        "Repeats and disorder change nothing.",
        "A fifth of the examples of three days sent again up to a day later, and a fifth of them up to a day "
        "late, by a clock of the test's own: each is learned once, as from the clean stream. With a log that "
        "forgets ids at once the row fails. Examples from joins: callers predict by id and send the label "
        "before, after, twice, with the features too or never, while pods, trainers and the parameter server "
        "are killed by turns: every logged prediction with an accepted label is learned once, and no other.",
        "An example with its features is never too late; how late a label may meet its prediction is the "
        "join's. What is sent again after more than a day of the log's own time counts as new.",
    ),
    Row(
        "C1",
        "A swap is atomic: no answer mixes versions, and none fails.",
        "200 REST and 200 gRPC requests a second, single rows and batches, while new versions of a linear "
        "model keep coming; each answer is compared with what the trainer's own model said at that version.",
        "DECISIONS 34: how long answers take while swapping is measured in `benchmarks/`.",
    ),
    Row(
        "C2",
        "A bad version is never served.",
        "A parameter server of ours sends versions that are not finite, of another shape, spec or digest, "
        "cut short, too large, or nonsense, by announcement and by pull; each is reported in the metric, in "
        "the status and to the server, the last good one answers, and the next good one is taken.",
        "There are no bounds for predictions in a spec: a probe is out of range where it is not finite.",
    ),
    Row(
        "C3",
        "A dead parameter server is harmless.",
        "It is killed and stays away under load: every request is answered, the stated age is true, liveness "
        "and readiness stay; where a policy says refuse, only that model's answers stop.",
    ),
    Row(
        "C4",
        "A pod starts without a parameter server, from its last good copy.",
        "It ends inside each step of writing a copy, then one starts with the server away: it answers, by a "
        "whole version. With damaged copies it runs, is not ready, and is once the server is back.",
    ),
    Row(
        "C5",
        "A rolling restart loses no request.",
        "SIGTERM under load, while what stands for a Service keeps sending new connections for five seconds "
        "more and then sends them elsewhere; REST on new and on kept connections, and gRPC.",
        "gRPC itself cancels the few calls that it had read and not yet begun as its server stops "
        "(grpc#41785): such a call is made again, once.",
    ),
    Row(
        "C6",
        "Probes mean what they say.",
        "What `/livez` and `/readyz` answer where there is no parameter server at the start, once weights "
        "are in, while the process is stopped, after it goes on, and while the server is gone; and what they "
        "answer while forty callers ask a slow model.",
        "How soon they answer under load is asked for at release size.",
    ),
    Row(
        "C7",
        "Overload sheds.",
        "A slow model's peak is measured, then three times as many requests come: those let in are answered "
        "at full rate and within their deadline, the others are refused at once, memory stays, and the pod "
        "is itself again after.",
        "Over REST: what waits over gRPC waits inside gRPC, and is shed by the callers' deadlines (C8).",
    ),
    Row(
        "C8",
        "What nobody waits for is not computed.",
        "A model that is made slow counts its rows: gRPC calls whose deadline has passed before their turn, "
        "and calls that were cancelled, are not among them.",
        "Over gRPC; that a late request over REST is not computed is among the tests of serving.",
    ),
    Row(
        "C9",
        "Many readers are one piece of work.",
        "Readers of a model of 8 MiB start together, take a large delta together, and see the server killed "
        "and started again: each version is encoded once, the server's memory is that of a few transfers, "
        "and who is current is sent no weights when it comes back.",
        "How soon all have the weights, and how many come back at once, is asked for at release size.",
    ),
    Row(
        "C10",
        "A slow reader costs nothing.",
        "Twenty watchers on links of 1 KiB/s or stopped, beside others: the others hear of every push, the "
        "server's memory stays, and the slow ones hear of the newest alone, never of an older one.",
        "DECISIONS 34: how late the others are is measured in `benchmarks/`.",
    ),
    Row(
        "C11",
        "A half-open link is found.",
        "A link swallows all bytes and says nothing; the pod has the newest version again in time. An idle "
        "watch beside it never breaks for its pings.",
    ),
    Row(
        "C12",
        "Models of any size up to the limit arrive; larger ones are refused by a message that names it.",
        "Models below and above gRPC's 4 MiB and of the largest size are pushed, pulled and proven by their "
        "root; one byte more is refused, and so is what a pod's own limit forbids.",
    ),
    Row(
        "C13",
        "Retries do not amplify.",
        "A process of the SDK's against a server that fails half of its calls: the attempts that the server "
        "counts, against a tenth more than the calls and what the budget holds at its start.",
        "The budget also gives half a retry a second, so that a client of few calls may try again.",
    ),
    Row(
        "C14",
        "Swapping leaks nothing.",
        "Memory, threads and file descriptors of a pod while versions keep coming, after warming up; a leak "
        "that is planted is found.",
        "At CI size for less than a minute, not for the five that the list of faults names.",
    ),
    Row(
        "D1",
        "What is not finite is never learned, and never leaves.",
        "Random events with numbers that are not finite, too large, of another type or missing, and events "
        "that are finite but break the model: each is a dead letter with its offset and a reason, the others "
        "are learned, and the weights of every version that was looked at are finite.",
    ),
    Row(
        "D4",
        "Slow poison is told of, and no source has more than its share.",
        "One label in twenty is wrong, all of one shop: its slice says so within ten windows of a hundred. "
        "One source sends three of five events while the trainer is killed: of any two hundred learned in a "
        "row it has a fifth at most, its others are dead letters, and those of the others are learned. "
        "Twice as many wrong labels as right ones, all from one source, leave the model as good as without.",
        "A share is asked for in the spec (`sources`), and is of what is learned.",
    ),
    Row(
        "D6",
        "An event that kills its trainer blocks nothing.",
        "An event at which the model raises, hangs for a minute, or takes 2 GiB under a memory cgroup, with "
        "good ones around it; trainers that end are started again, and those that hang are killed: after "
        "three deaths it is a dead letter, once, and the others are learned. Replayed twice, it is learned "
        "once. Hundreds of events after the last version change nothing of it.",
        "That it raises is enough at once. The time in which a hang is found is scaled down, as the lease "
        "is, and starts of processes do not count.",
    ),
    Row(
        "D7",
        "Dead letters are bounded.",
        "Events that nobody can read, far more than are kept: the newest letters stay, the oldest go and are "
        "counted, and the good event after them is learned.",
        "DECISIONS 34: how fast a trainer is beside bad events is a matter of `benchmarks/`.",
    ),
    Row(
        "D8",
        "Going back and learning again ends in the same weights.",
        "From each of the last twenty versions, and from the first, learning is reset and what came since is "
        "learned again, by a trainer that runs on: the roots of both sides of the state, optimizers, metrics "
        "and detectors of drift among it, are those of the line that never went back.",
    ),
    Row(
        "E1",
        "No code comes from data.",
        "An audit hook in every service counts what pickle and marshal load; payloads that would leave a "
        "file behind go in by pushes, specs, predictions, feedback, pods' copies and backups. The same hook "
        "is in every service that the tests of the whole stack start.",
        "`riverrun import` runs the user's own module on the user's side, by design, so it is no entry here. "
        "bandit's B301 to B307 and B403 are ruff's S301 to S307 and S403, at 0 in `make lint`.",
    ),
    Row(
        "E2",
        "No bytes make a decoder fall over.",
        "Valid weights, events and manifests are changed at random, in their bytes and in what these stand "
        "for: each decodes to a value or one of our own errors, in less than a second of the processor and "
        "in no more memory than twice the input and 16 MiB; nothing is executed, imported or opened.",
        "A fuzz of our own that knows the formats and follows from its seed, not atheris; attacks that are "
        "known of other formats are among the tests of the codec.",
    ),
    Row(
        "E3",
        "Malformed requests are refused, and cost nobody else.",
        "REST requests and gRPC calls with values, keys, headers or bytes that are wrong, and connections "
        "that do not speak HTTP, while others ask what is right: no answer is an error of ours, the good "
        "ones are answered, the process goes on, and its memory stays.",
        "How late good answers are is asked for at release size. schemathesis runs for conformance.",
    ),
    Row(
        "E4",
        "What is too large is refused for little.",
        "Bodies a byte and ten GiB over the limit, in chunks without end and in chunks of a byte, packed "
        "1000:1, nested, with as many keys as fit; and a head of a MiB: each has its status, for no more "
        "than the limit and 1 MiB read, and for a tenth of a second of the processor.",
        "JSON within the limit of 4 MiB costs what reading it costs, which may be more.",
    ),
    Row(
        "E5",
        "Slow clients hold up nobody.",
        "Hundreds of connections that stop in the first line, the head or the body of a request, and as many "
        "that open HTTP/2 and ask nothing, while others ask: these are answered, and the slow are let go of.",
    ),
    Row(
        "E13",
        "Names from outside break no log and no metric.",
        "Control characters, lines that look like the log's own, and names of a megabyte, as models, "
        "versions, ids, keys, features, labels and trainers, over every entry of the three services: all "
        "that these log is JSON with bounded fields and of their own making, and a pod's metrics have no "
        "more series for it.",
    ),
)


def row(name: str) -> Row | None:
    """The row called `name`, or None."""
    return next((row for row in ROWS if row.id == name), None)
