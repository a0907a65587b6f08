"""The committed allow-list is what the installed River gives, and stands for what it names."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from riverrun.learners.river_allow_list import TRAINER_ONLY, river_allow_list


def generator() -> ModuleType:
    """The script that writes the list."""
    path = Path(__file__).parents[3] / "scripts" / "generate_allow_list.py"
    spec = importlib.util.spec_from_file_location("generate_allow_list", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_list_is_what_the_script_writes() -> None:
    script = generator()

    assert script.TARGET.read_text() == script.allow_list_text(), "run scripts/generate_allow_list.py"


def test_every_name_stands_for_the_one_object_that_has_it() -> None:
    listed = river_allow_list()

    assert all(listed.name_of_type(cls) == name for name, cls in listed.types.items())
    assert all(listed.name_of_function(function) == name for name, function in listed.functions.items())
    assert listed.tables <= listed.types.keys()
    assert listed.opaque.keys() <= listed.types.keys()
    assert listed.refused.keys().isdisjoint(listed.types)


def test_trainer_only_attributes_belong_to_classes_that_exist() -> None:
    known = {
        f"{base.__module__}.{base.__qualname__}"
        for cls in river_allow_list().types.values()
        for base in cls.__mro__
    }

    assert {owner for owner, _ in TRAINER_ONLY} <= known
