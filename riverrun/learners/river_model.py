"""What the state of a River learner is made of: one root object, and the types that it may hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from riverrun.codec.allow_list import AllowList, qualified_name
from riverrun.core.spec.model_spec import ModelSpec
from riverrun.evaluation import AgainstRest, Prequential, RocAuc
from riverrun.learners.factories import Factories
from riverrun.learners.river_allow_list import river_allow_list
from riverrun.learners.river_purity import answer_purely


class RiverModel:
    """The root of the graph: the model, which serving needs, and its metrics, which it does not."""

    def __init__(self, model: Any, prequential: Prequential) -> None:
        self.model = model
        self.prequential = prequential


def allow_list_of(spec: ModelSpec, factories: Factories) -> AllowList:
    """All that a state of `spec` may mention: River's types, and those of its factory's own package."""
    answer_purely()
    allow = river_allow_list().with_types([RiverModel, Prequential, AgainstRest, RocAuc])
    own = frozenset({(qualified_name(RiverModel), "prequential")})
    allow = replace(allow, trainer_only=allow.trainer_only | own)
    if spec.factory is None:
        return allow
    factory = factories.load(spec.factory)
    functions = {qualified_name(function): function for function in factory.functions}
    # Nobody has looked at what these do when they answer.
    restless = allow.restless.union(map(qualified_name, factory.types))
    return replace(
        allow.with_types(factory.types), functions={**allow.functions, **functions}, restless=restless
    )
