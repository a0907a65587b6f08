"""A fuzz of the decoders of weights: `python -m tests.unit.codec.decoder_fuzz`.

Valid bytes are changed at random, at each layer: a side delta as it travels (its checksum put right again, or
not), its packed body, its unpacked body, a unit's payload, and the nodes in it. `fuzz_runs` says what may
come of it.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import struct
import time
from collections.abc import Callable
from typing import Any
from zlib import crc32

import msgspec

from riverrun.codec.graph_decoder import GraphDecoder
from riverrun.codec.graph_encoder import GraphEncoder
from riverrun.codec.live_graph import LiveGraph
from riverrun.codec.packing import ZSTD, ZSTD_DICTIONARY_1, pack, zstd
from riverrun.codec.wire import MAGIC, decode_side, encode_body, encode_side
from riverrun.core.digest import HashTree
from riverrun.core.units import SideDelta, State
from riverrun.learners.rounding_units import RoundingUnits
from riverrun.rpc.chunks import Joiner
from tests.unit.codec.fuzz_corpus import models, parts, tensor_sides
from tests.unit.codec.fuzz_mutations import NodeChanges, changed, encoded, nodes_of
from tests.unit.codec.fuzz_runs import Findings, Target, fuzzed
from tests.unit.codec.parts import Part, allow_list

MAX_BYTES = 4 << 20
HEADER = struct.Struct("<4sBIQ")


class Fuzz:
    """Runs of one seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._decoder = GraphDecoder(allow_list())
        self.states = [self._state(root) for root in (parts(), *(Part(model=model) for model in models()))]
        self.states += [self._rounded(self.states[-1], form) for form in (1, 2)]
        self._sides = [encode_side(SideDelta(state.serving)) for state in self.states]
        pool = [node for state in self.states for unit in state.serving.values() for node in nodes_of(unit)]
        self._changes = NodeChanges(pool)
        self._targets: list[Target] = [
            self._changed_side,
            self._changed_pack,
            self._changed_body,
            self._changed_payload,
            self._changed_nodes,
            self._changed_nodes,
            self._random_nodes,
            self._changed_delta,
            self._chunks,
        ]
        self._known: list[LiveGraph] = [
            LiveGraph(self._decoder, state.serving, HashTree(state.serving).root) for state in self.states
        ]

    def with_tensors(self) -> Fuzz:
        """This fuzz of the units of a torch model alone, exact and rounded ones; imports torch."""
        from riverrun.learners.tensor_units import Spans, read

        sides = tensor_sides()
        known: set[tuple[int, ...]] = {(100, 16), (100, 1), (1024, 30)}
        pool = [node for units in sides for unit in units.values() for node in nodes_of(unit)]

        self._changes = NodeChanges(pool)

        def changed_tensors(source: random.Random) -> tuple[int, Callable[[], object]]:
            units = dict(source.choice(sides))
            for number in source.sample(list(units), source.choice((1, 1, 3))):
                if source.random() < 0.5:
                    units[number] = changed(source, units[number], [units[number]])
                else:
                    units[number] = encoded(
                        self._changes.mutated(source, msgspec.msgpack.decode(units[number]))
                    )
            if source.random() < 0.2:
                number, other = source.sample(list(units), 2)
                units[other] = units.pop(number)
            return _size(units), lambda: read(Spans(units), units, known)

        self._targets = [changed_tensors]
        return self

    def run(self, runs: int, *, first: int = 0) -> Findings:
        """The findings of runs `first` and on."""
        return fuzzed(self._targets, self._seed, runs, first=first)

    # -- The targets: how many bytes go in, and what decodes them

    def _changed_side(self, source: random.Random) -> tuple[int, Callable[[], object]]:
        data = changed(source, source.choice(self._sides), self._sides)
        if source.random() < 0.7 and len(data) > HEADER.size:
            magic, form, _, size = HEADER.unpack_from(data)
            data = HEADER.pack(magic, form, crc32(data[HEADER.size :]), size) + data[HEADER.size :]
        return len(data), lambda: decode_side(data, max_bytes=MAX_BYTES)

    def _changed_pack(self, source: random.Random) -> tuple[int, Callable[[], object]]:
        body = encode_body(SideDelta(source.choice(self.states).serving))[
            : source.choice((300, 3000, 1 << 20))
        ]
        form, packed = pack(body)
        if source.random() < 0.1:
            # A bomb: far more than it says, or as much as it says.
            body, form = bytes(source.choice((1 << 20, 1 << 23))), ZSTD
            packed = zstd.compress(body)
        packed = changed(source, packed, [packed])
        form = source.choice((form, form, form, ZSTD, ZSTD_DICTIONARY_1, 0, 9))
        size = source.choice((len(body), len(body), len(body) + 1, 5, 1 << 22, (1 << 64) - 1))
        data = HEADER.pack(MAGIC, form, crc32(packed), size) + packed
        return max(len(data), min(size, MAX_BYTES)), lambda: decode_side(data, max_bytes=MAX_BYTES)

    def _changed_body(self, source: random.Random) -> tuple[int, Callable[[], object]]:
        state = source.choice(self.states)
        body = encode_body(SideDelta(dict(list(state.serving.items())[: source.randrange(1, 30)])))
        if source.random() < 0.5:
            body = changed(source, body, [body])
        else:
            body = msgspec.msgpack.encode(self._changes.mutated(source, msgspec.msgpack.decode(body)))
        form, packed = pack(body)
        data = HEADER.pack(MAGIC, form, crc32(packed), len(body)) + packed
        return len(body), lambda: decode_side(data, max_bytes=MAX_BYTES)

    def _changed_payload(self, source: random.Random) -> tuple[int, Callable[[], object]]:
        state = source.choice(self.states)
        units = dict(state.serving)
        number = source.choice(list(units))
        units[number] = changed(source, units[number], [units[number], source.choice(list(units.values()))])
        return self._decoding(source, State(units, state.trainer, state.next_unit))

    def _changed_nodes(self, source: random.Random) -> tuple[int, Callable[[], object]]:
        state = source.choice(self.states)
        units = dict(state.serving)
        for number in source.choices(list(units), k=source.choice((1, 1, 2))):
            units[number] = encoded(self._changes.mutated(source, msgspec.msgpack.decode(units[number])))
        return self._decoding(source, State(units, state.trainer, state.next_unit))

    def _random_nodes(self, source: random.Random) -> tuple[int, Callable[[], object]]:
        shape = [35, f"{Part.__module__}.Part", ["a", "b"]]
        nodes = [[0, 1, [1, 2], self._changes.random_node(source, 0)], shape]
        nodes += [self._changes.random_node(source, 0) for _ in range(source.randrange(1, 5))]
        return self._decoding(source, State({n: encoded(node) for n, node in enumerate(nodes)}))

    def _changed_delta(self, source: random.Random) -> tuple[int, Callable[[], object]]:
        place = source.randrange(len(self.states))
        units = self.states[place].serving
        changed = {}
        for number in source.choices(list(units), k=source.choice((1, 2))):
            changed[number] = encoded(self._changes.mutated(source, msgspec.msgpack.decode(units[number])))
        dropped = frozenset(source.choices(list(units), k=source.choice((0, 0, 1)))) - changed.keys()
        delta = SideDelta(changed, dropped)
        root = HashTree(delta.apply(units)).root
        graph = self._known[place]
        return _size(units), lambda: graph.updated(delta, root)

    def _chunks(self, source: random.Random) -> tuple[int, Callable[[], object]]:
        total = source.choice((0, 1, 100, -1, 1 << 40, source.randrange(2000)))
        chunks = [
            bytes(source.choice((0, 1, 50, source.randrange(1000)))) for _ in range(source.randrange(6))
        ]

        def join() -> None:
            joiner = Joiner("delta", total, max_bytes=MAX_BYTES)
            for chunk in chunks:
                joiner.add(chunk)
            joiner.joined()

        return sum(map(len, chunks)), join

    def _decoding(self, source: random.Random, state: State) -> tuple[int, Callable[[], object]]:
        size = _size(state.serving)
        if source.random() < 0.5:
            return size, lambda: self._decoder.decode(State(state.serving))
        return size + _size(state.trainer), lambda: self._decoder.restore(state)

    def _state(self, root: Any) -> State:
        encoder = GraphEncoder(allow_list())
        encoder.encode(root)
        return encoder.state()

    def _rounded(self, state: State, form: int) -> State:
        rounded = RoundingUnits(form).rounded(SideDelta(state.serving))
        assert rounded
        return State({**state.serving, **rounded}, state.trainer, state.next_unit)


def _size(units: Any) -> int:
    return sum(map(len, units.values()))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tensors", action="store_true", help="the units of torch models alone")
    parser.add_argument("--first", type=int, default=0, help="the first run's number, to repeat one")
    arguments = parser.parse_args()
    fuzz = Fuzz(arguments.seed)
    if arguments.tensors:
        fuzz.with_tensors()
    fuzz.run(100)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    found = fuzz.run(arguments.runs, first=arguments.first)
    print(
        json.dumps(
            {
                "seed": arguments.seed,
                "runs": found.runs,
                "refused": found.refused,
                "slowest_ms": round(1e3 * found.slowest_s, 1),
                "most_traced_kib": found.most_bytes >> 10,
                "more_resident_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before,
                "cpu_s": round(time.process_time() - started, 1),
                "targets": dict(found.targets),
                "failures": found.failures[:20],
                "failed": len(found.failures),
            }
        )
    )


if __name__ == "__main__":
    main()
