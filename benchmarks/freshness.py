"""Freshness: from a label sent over HTTP to one serving process to the swap in each serving process.

Both riverrun and the hand-rolled design get the same labels at the same rate. The answers of each
process are checked all along: none may come from older weights than the process had taken, nor from newer.
"""

from __future__ import annotations

import asyncio
import bisect
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from benchmarks import workload
from benchmarks.figures import Figure, against, bounded
from benchmarks.http_load import Connection, connections
from benchmarks.processes import cpu_seconds
from benchmarks.reference.hand_rolled_stack import MISSING, hand_rolled, is_available
from benchmarks.stack import running_stack
from benchmarks.systems import ByHand, Riverrun, System

WARM_UP = 500
WARM_UP_RATE = 250
SECONDS = {100: 20, 1000: 10}
CONNECTIONS = 64
PROBE_EVERY_S = 0.1
SETTLE_S = 2.0
DEADLINE_S = 60.0

Swap = tuple[int, int]
"""(events learned, Unix ns): weights that had learned so many events came into use."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One answer: when it was asked for and came, and the version that it says it is by."""

    process: int
    asked_ns: int
    answered_ns: int
    version: int


@dataclass(frozen=True, slots=True)
class Sent:
    """What went into a system: when each event was sent, the answers meanwhile, and the CPU it took."""

    sent_ns: list[int]
    probes: list[Probe]
    cpu_s: float


def drive(
    system: System,
    first: int,
    count: int,
    rate: float,
    *,
    probe_every_s: float = PROBE_EVERY_S,
    settle_s: float = SETTLE_S,
) -> Sent:
    """Send `count` labels, numbered from `first`, at an even `rate`.

    Meanwhile and for `settle_s` more every process is asked for an answer every `probe_every_s`.
    """
    rows = islice(system.workload.rows(), first, first + count)
    messages = [system.feedback(first + i, row) for i, row in enumerate(rows)]
    cpu = cpu_seconds(system.pids)
    driving = _drive(system, messages, rate, probe_every_s, settle_s)
    sent_ns, probes = asyncio.run(asyncio.wait_for(driving, DEADLINE_S + settle_s + count / rate))
    return Sent(sent_ns, probes, cpu_seconds(system.pids) - cpu)


async def _drive(
    system: System, messages: Sequence[bytes], rate: float, probe_every_s: float, settle_s: float
) -> tuple[list[int], list[Probe]]:
    sent_ns = [0] * len(messages)
    probes: list[Probe] = []
    async with connections(system.rest_ports[0], CONNECTIONS) as opened:
        # In turn: a server closes connections that nothing was sent over for some seconds.
        idle: asyncio.Queue[Connection] = asyncio.Queue()
        for connection in opened:
            idle.put_nowait(connection)

        async def send(i: int, connection: Connection) -> None:
            sent_ns[i] = time.time_ns()
            status, body = await connection.request(messages[i])
            if status != 202:
                raise RuntimeError(f"feedback was answered {status}: {body[:200]!r}")
            idle.put_nowait(connection)

        async with asyncio.TaskGroup() as probing:
            tasks = [
                probing.create_task(_probe(system, process, port, probe_every_s, probes))
                for process, port in enumerate(system.rest_ports)
            ]
            start = time.perf_counter()
            async with asyncio.TaskGroup() as sending:
                for i in range(len(messages)):
                    if (ahead := start + i / rate - time.perf_counter()) > 0:
                        await asyncio.sleep(ahead)
                    sending.create_task(send(i, await idle.get()))
            await asyncio.sleep(settle_s)
            for task in tasks:
                task.cancel()
    return sent_ns, probes


async def _probe(system: System, process: int, port: int, every_s: float, probes: list[Probe]) -> None:
    message = system.probe()
    async with connections(port, 1) as [connection]:
        while True:
            asked = time.time_ns()
            status, body = await connection.request(message)
            if status != 200:
                raise RuntimeError(f"a prediction was answered {status}: {body[:200]!r}")
            probes.append(Probe(process, asked, time.time_ns(), system.said(body)))
            await asyncio.sleep(every_s)


def delays_ms(sent: Sent, first: int, swaps: Sequence[Swap]) -> NDArray[np.float64]:
    """For each event sent, milliseconds until the first swap to weights that had learned it.

    Raises RuntimeError when there was none.
    """
    learned = [count for count, _ in swaps]
    found = []
    for i, sent_ns in enumerate(sent.sent_ns):
        at = bisect.bisect_left(learned, first + i + 1)
        if at == len(swaps):
            raise RuntimeError(f"event {first + i} of {first + len(sent.sent_ns)} was never served")
        found.append((swaps[at][1] - sent_ns) / 1e6)
    return np.array(found)


def check_answers(probes: Sequence[Probe], process: int, taken: Sequence[Swap]) -> int:
    """How many answers of a process were by the version it had; RuntimeError at one that was not.

    `taken` is (version, Unix ns) in order. While an answer is on its way several swaps may happen.
    """
    times = [at for _, at in taken]
    mine = [probe for probe in probes if probe.process == process]
    for probe in mine:
        oldest = taken[max(0, bisect.bisect_right(times, probe.asked_ns) - 1)][0]
        newest = taken[max(0, bisect.bisect_right(times, probe.answered_ns) - 1)][0]
        # A swap is recorded just after it was made, so an answer may be one ahead of the record.
        ahead = taken[min(len(taken) - 1, bisect.bisect_right(times, probe.answered_ns))][0]
        if not oldest <= probe.version <= max(newest, ahead):
            raise RuntimeError(f"process {process} answered by {probe.version}, had {oldest} to {newest}")
    return len(mine)


@dataclass(frozen=True, slots=True)
class Measured:
    """One system at one rate."""

    delays_ms: NDArray[np.float64]
    cpu_ms_per_event: float
    checked: int

    def percentile(self, share: float) -> float:
        """Milliseconds that `share` of all (event, process) pairs do not exceed."""
        return float(np.percentile(self.delays_ms, 100 * share))


def measure_riverrun(rate: int, replicas: int) -> Measured:
    """riverrun at `rate` events a second with `replicas` serving processes."""
    with running_stack(workload.PHISHING.spec, replicas, record_swaps=True) as stack:
        system = Riverrun(stack, workload.PHISHING)
        drive(system, 0, WARM_UP, WARM_UP_RATE)
        sent = drive(system, WARM_UP, rate * SECONDS[rate], rate)
        learned = system.learned()
        # The records are written when the processes end.
        for index in range(replicas):
            stack.stop(f"serving-{index}")
        taken = [stack.swaps(index) for index in range(replicas)]
    swaps = [[(learned[version], at) for version, at in records] for records in taken]
    return _measured(sent, swaps, taken)


def measure_by_hand(rate: int, replicas: int) -> Measured:
    """The hand-rolled design under the same load."""
    with hand_rolled(replicas, workload.PHISHING.model()) as running:
        system = ByHand(running, workload.PHISHING)
        drive(system, 0, WARM_UP, WARM_UP_RATE)
        sent = drive(system, WARM_UP, rate * SECONDS[rate], rate)
        swaps = [running.swaps(index) for index in range(replicas)]
    return _measured(sent, swaps, swaps)


def _measured(sent: Sent, swaps: Sequence[Sequence[Swap]], taken: Sequence[Sequence[Swap]]) -> Measured:
    delays = np.concatenate([delays_ms(sent, WARM_UP, one) for one in swaps])
    checked = sum(check_answers(sent.probes, process, one) for process, one in enumerate(taken))
    return Measured(delays, 1000 * sent.cpu_s / len(sent.sent_ns), checked)


def figures(rate: int, replicas: int) -> Iterator[Figure]:
    """The figures of one rate and number of serving processes."""
    hand, ours = measure_by_hand(rate, replicas), measure_riverrun(rate, replicas)
    processes = f"{replicas} serving process" + ("es" if replicas > 1 else "")
    note = f"{rate} events/s, {processes}, continuous publishing; {ours.checked} answers checked"
    reference = "hand-rolled: pickle in Redis every 10 events, not durable"
    for share, bound in ((0.5, 5.0), (0.99, 25.0)):
        name = f"freshness_p{round(100 * share)}_{rate}_per_s_{replicas}_serving"
        value, other = ours.percentile(share), hand.percentile(share)
        if rate == 100:
            yield bounded(
                name, value, "ms", at_most=bound, reference=reference, reference_value=other, note=note
            )
        else:
            yield against(
                name, value, "ms", reference=reference, reference_value=other, better="lower", note=note
            )
    yield Figure(
        f"freshness_cpu_{rate}_per_s_{replicas}_serving",
        round(ours.cpu_ms_per_event, 3),
        "CPU-ms/event",
        reference,
        round(hand.cpu_ms_per_event, 3),
        round(ours.cpu_ms_per_event / hand.cpu_ms_per_event, 3),
        note=f"all processes of each, {note}",
    )


def main() -> None:
    if not is_available():
        sys.exit(MISSING)
    for replicas in (4, 1):
        for rate in SECONDS:
            for figure in figures(rate, replicas):
                print(figure.line(), flush=True)


if __name__ == "__main__":
    main()
