"""What is in the environments of peers is pinned; what peers do is for `benchmarks.peers` to say."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from benchmarks.peers import PEERS, Peer


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.distribution)
def test_a_peer_serves_the_model_with_our_river(peer: Peer) -> None:
    assert peer.environment.version_of("river") == version("river")


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.distribution)
def test_everything_in_a_peers_environment_has_one_version(peer: Peer) -> None:
    pins: dict[str, str] = {}
    for path in peer.environment.requirements:
        for line in path.read_text().splitlines():
            name, equals, pinned = line.partition("==")
            assert equals, f"{path.name} leaves the version open: {line}"
            assert pins.setdefault(name.lower(), pinned) == pinned
    assert peer.distribution in pins
