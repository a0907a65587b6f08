"""Which parts of River's trees were touched while a learner learned.

River tells nobody which node it changed, so the few methods through which it does are wrapped, once, in
their classes. Outside `collecting` a wrapped method asks one question more and does what it did; whoever
else uses River in this process sees no difference. No class is replaced and nothing is added to an object:
both would show in the encoded state.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any

from river.anomaly import OneClassSVM
from river.linear_model import LinearRegression, LogisticRegression, Perceptron
from river.linear_model.base import GLM
from river.proba import Gaussian
from river.tree import HoeffdingTreeClassifier, HoeffdingTreeRegressor, LASTClassifier
from river.tree.mondrian.mondrian_tree_classifier import MondrianTreeClassifier
from river.tree.mondrian.mondrian_tree_nodes import (
    MondrianBranchClassifier,
    MondrianBranchRegressor,
    MondrianLeafClassifier,
    MondrianLeafRegressor,
    MondrianNode,
)
from river.tree.mondrian.mondrian_tree_regressor import MondrianTreeRegressor
from river.tree.nodes import arf_htc_nodes, arf_htr_nodes, et_nodes, hatc_nodes, hatr_nodes, last_nodes
from river.tree.nodes.branch import (
    DTBranch,
    NominalBinaryBranch,
    NominalMultiwayBranch,
    NumericBinaryBranch,
    NumericMultiwayBranch,
)
from river.tree.nodes.efdtc_nodes import BaseEFDTBranch, BaseEFDTLeaf
from river.tree.nodes.leaf import HTLeaf
from river.tree.nodes.sgt_nodes import SGTLeaf
from river.tree.splitter.ebst_splitter import EBSTNode, EBSTSplitter

from riverrun.codec.touch_marks import TouchMarks
from riverrun.learners.river_purity import answer_purely

_SETTLED: dict[type[Any], str] = {
    Gaussian: "_rng",
    LinearRegression: "_weights",
    LogisticRegression: "_weights",
    OneClassSVM: "_weights",
    Perceptron: "_weights",
}
"""Attributes that change only when they are said to be touched, by exact type."""

Touched = Callable[..., Iterable[Any]]
"""What one call touches: asked with the call's own arguments, the instance first."""


class _Sink(threading.local):
    marks: TouchMarks | None = None


_sink = _Sink()


class collecting:  # noqa: N801  # reads as a statement, as contextlib's own do
    """While this is entered, what this thread's calls into River touch goes into `marks`."""

    __slots__ = ("_marks", "_outer")

    def __init__(self, marks: TouchMarks) -> None:
        self._marks = marks
        self._outer: TouchMarks | None = None

    def __enter__(self) -> None:
        self._outer, _sink.marks = _sink.marks, self._marks

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _sink.marks = self._outer


def river_marks() -> TouchMarks:
    """Fresh marks of the nodes of River's trees, and of what they observe, which `collecting` fills."""
    return TouchMarks(_install(), _SETTLED)


def _itself(node: Any, *_: Any, **__: Any) -> Iterable[Any]:
    return (node,)


def _its_generator(distribution: Any, *_: Any, **__: Any) -> Iterable[Any]:
    return (distribution._rng,)


def _node_and_parent(node: Any, *_: Any, parent: Any = None, **__: Any) -> Iterable[Any]:
    # It may be replaced by its alternate tree among its parent's children.
    return (node,) if parent is None else (node, parent)


def _node_and_children(node: Any, *_: Any, **__: Any) -> Iterable[Any]:
    return (node, *node.children)


def _leaf_and_parent(_: Any, leaf: Any, parent: Any, *__: Any, **___: Any) -> Iterable[Any]:
    return (leaf,) if parent is None else (leaf, parent)


def _applied_split(leaf: Any, _: Any, parent: Any, *__: Any, **___: Any) -> Iterable[Any]:
    return (leaf,) if parent is None else (leaf, parent)


def _split_node(_: Any, node: Any, *__: Any, **___: Any) -> Iterable[Any]:
    return (node, *getattr(node, "children", ()))


def _insertion_path(node: Any, value: Any, *_: Any, **__: Any) -> Iterator[Any]:
    while node is not None:
        yield node
        if value == node.att_val:
            return
        node = node._left if value < node.att_val else node._right


def _search_tree(splitter: Any, *_: Any, **__: Any) -> Iterator[Any]:
    stack = [splitter._root]
    while stack:
        node = stack.pop()
        if node is not None:
            yield node
            stack += (node._left, node._right)


def _hook(cls: type[Any], name: str, touched: Touched) -> None:
    original = vars(cls)[name]

    @functools.wraps(original)
    def hooked(*args: Any, **kwargs: Any) -> Any:
        if _sink.marks is not None:
            for node in touched(*args, **kwargs):
                _sink.marks.touch(node)
        return original(*args, **kwargs)

    setattr(cls, name, hooked)


# The next two are called for every tree, and for every feature of every tree. So they take the arguments that
# River names, and spare themselves a call: taking any, and touching by the method, takes three times as long.


def _hook_leaf() -> None:
    original = vars(HTLeaf)["learn_one"]

    @functools.wraps(original)
    def learn_one(leaf: Any, x: Any, y: Any, *, w: Any = 1.0, tree: Any = None) -> Any:
        marks = _sink.marks
        if marks is not None:
            marks.touched[id(leaf)] = leaf
        return original(leaf, x, y, w=w, tree=tree)

    HTLeaf.learn_one = learn_one  # type: ignore[method-assign]


def _hook_variance(name: str) -> None:
    # What a Gaussian has learned is all in its variance; as it stands itself it says the same as before.
    original = vars(Gaussian)[name]

    @functools.wraps(original)
    def hooked(distribution: Any, x: Any, w: Any = 1.0) -> Any:
        marks = _sink.marks
        if marks is not None:
            variance = distribution._var
            marks.touched[id(variance)] = variance
        return original(distribution, x, w)

    setattr(Gaussian, name, hooked)


def _hook_descent(cls: type[Any]) -> None:
    # A descent changes the nodes it passes from Rust, where no method of theirs is called; it returns
    # the leaf where it ended.
    original = vars(cls)["_go_downwards"]

    @functools.wraps(original)
    def hooked(*args: Any, **kwargs: Any) -> Any:
        node = leaf = original(*args, **kwargs)
        marks = _sink.marks
        while marks is not None and node is not None:
            marks.touch(node)
            node = node.parent
        return leaf

    cls._go_downwards = hooked


def _hook_weights() -> None:
    # While it learns a linear model sees its weights through a mask, and can change no others.
    original = vars(GLM)["_enter_learn_mode"]

    @functools.wraps(original)
    def hooked(model: Any, mask: Any = None) -> Any:
        weights = original(model, mask)
        if _sink.marks is not None:
            if mask is None:
                _sink.marks.touch(weights)
            else:
                _sink.marks.touch_rows(weights, mask)
        return weights

    GLM._enter_learn_mode = hooked  # type: ignore[method-assign]


@functools.cache
def _install() -> frozenset[type[Any]]:
    """Wrap the methods, once; the classes whose instances change in no other way."""
    # Not by answering either, which trees are asked to do while they learn.
    answer_purely()
    _hook_leaf()
    _hook(HTLeaf, "activate", _itself)
    _hook(HTLeaf, "deactivate", _itself)
    for leaf in (last_nodes.LeafMajorityClassWithDetector, last_nodes.LeafNaiveBayesWithDetector):
        _hook(leaf, "learn_one", _itself)
    _hook(last_nodes.LeafNaiveBayesAdaptiveWithDetector, "learn_one", _itself)
    for tree in (HoeffdingTreeClassifier, HoeffdingTreeRegressor, LASTClassifier):
        _hook(tree, "_attempt_to_split", _leaf_and_parent)
    for branch in (NumericMultiwayBranch, NominalMultiwayBranch):
        _hook(branch, "add_child", _itself)
    for adaptive in (hatc_nodes.AdaBranchClassifier, hatr_nodes.AdaBranchRegressor):
        _hook(adaptive, "learn_one", _node_and_parent)
        _hook(adaptive, "kill_tree_children", _node_and_children)
    _hook(SGTLeaf, "update", _itself)
    _hook(SGTLeaf, "apply_split", _applied_split)
    _hook(EBSTNode, "insert_value", _insertion_path)
    _hook(EBSTSplitter, "remove_bad_splits", _search_tree)
    _hook_weights()
    _hook_variance("update")
    _hook_variance("revert")
    _hook(Gaussian, "sample", _its_generator)
    _hook(MondrianNode, "update_depth", _itself)
    for mondrian in (MondrianTreeClassifier, MondrianTreeRegressor):
        _hook(mondrian, "_split", _split_node)
        _hook_descent(mondrian)
    nodes = {Gaussian, SGTLeaf, EBSTNode, MondrianBranchClassifier, MondrianBranchRegressor}
    nodes |= {MondrianLeafClassifier, MondrianLeafRegressor}
    nodes |= {NumericBinaryBranch, NominalBinaryBranch, NumericMultiwayBranch, NominalMultiwayBranch}
    return frozenset(nodes.union(_river_subclasses(HTLeaf), _river_subclasses(DTBranch)))


_NODE_MODULES = (arf_htc_nodes, arf_htr_nodes, et_nodes, hatc_nodes, hatr_nodes, last_nodes)
"""Imported for the subclasses that they define, which are found through their bases."""


def _river_subclasses(base: type[Any]) -> Iterator[type[Any]]:
    """Those of `base` that River itself defines; but EFDT changes nodes in ways of its own."""
    for cls in base.__subclasses__():
        if cls.__module__.startswith("river.") and not issubclass(cls, BaseEFDTBranch | BaseEFDTLeaf):
            yield cls
            yield from _river_subclasses(cls)
