"""A model that changes River's trees behind their back: it is found, put right, and counted."""

import importlib
import sys

from prometheus_client import REGISTRY

from riverrun.codec.wire import decode_side
from riverrun.core.events import Stream
from tests.integration.trainer.trainer_stack import event, rows, trainer

SPEC = """
name: toy
task: binary
factory: their.code:make
features: {a: float, b: float, c: float}
publish: {continuous: true}
"""

THEIR_CODE = """
from river import base, tree

class Meddling(base.Classifier):
    def __init__(self):
        self.tree = tree.HoeffdingTreeClassifier()

    def learn_one(self, x, y):
        if x["a"] == 666.0:
            self.tree._root.stats["planted"] = 1.0
        else:
            self.tree.learn_one(x, y)

    def predict_proba_one(self, x):
        return self.tree.predict_proba_one(x)

def make():
    return Meddling()
"""


def missed() -> float:
    return REGISTRY.get_sample_value("riverrun_trainer_missed_changes_total", {"model": "toy"}) or 0.0


async def test_a_change_that_nothing_told_of_is_counted_and_published(stack, tmp_path, monkeypatch):
    (tmp_path / "their").mkdir()
    (tmp_path / "their" / "code.py").write_text(THEIR_CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    before = missed()
    try:
        await stack.client.register_model(SPEC)
        async with trainer(stack.address, factories=("their.code:make",)):
            await stack.feed(rows(20))
            await stack.position(20)
            assert missed() == before

            meddled = event(20, ({"a": 666.0, "b": 0.0, "c": 0.0}, True))
            await stack.log.append("toy", Stream.EXAMPLES, [meddled])
            head = await stack.position(21)
    finally:
        for name in ("their", "their.code"):
            sys.modules.pop(name, None)

    assert missed() == before + 1
    pulled = await stack.client.pull("toy", version=head.version)
    units = decode_side(pulled.serving, max_bytes=1 << 20).changed
    assert any(b"planted" in unit for unit in units.values())
