"""Every public class of River as versions: answers and further learning are bit-identical on all sides.

Not covered: classes that ask for a newer Python or for libraries that are not installed.
"""

from __future__ import annotations

import pytest

from riverrun.codec.graph_decoder import GraphDecoder
from riverrun.codec.graph_encoder import GraphEncoder
from riverrun.core.steps import finish
from riverrun.learners.river_allow_list import river_allow_list
from tests.unit.codec.river_follow import answer, follow, warmed_up, written
from tests.unit.codec.river_part_cases import part_cases
from tests.unit.codec.river_streams import Step
from tests.unit.codec.river_zoo import NOT_SHOWN, Case, estimator_cases, public_classes

FEW_STEPS = 100
MANY_STEPS = 500

CASES = (*estimator_cases(), *part_cases())

pytestmark = pytest.mark.usefixtures("generators_have_seeds")


@pytest.mark.parametrize("further", [FEW_STEPS, pytest.param(MANY_STEPS, marks=pytest.mark.full)])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_restored_trainer_and_a_reader_stay_with_the_trainer_bit_for_bit(case: Case, further: int) -> None:
    follow(case, further)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_only_what_is_listed_as_restless_changes_when_it_answers(case: Case) -> None:
    model, steps = warmed_up(case, 30)
    encoder = GraphEncoder(river_allow_list())
    encoder.encode(model)
    units = encoder.state().serving
    reader, unasked = (finish(GraphDecoder(river_allow_list()).opening(dict(units))) for _ in "ab")
    before = written(reader.root)

    for step in steps:
        case.answer(reader.root, step)

    assert reader.restless or written(reader.root) == before
    # Unseen features may leave entries behind that say what was so without them.
    for step in steps[:5]:
        answer_to_unseen(case, reader.root, step, "unseen")
    last = answer_to_unseen(case, reader.root, steps[-1], "another")
    assert reader.restless or last == answer_to_unseen(case, unasked.root, steps[-1], "another")


def answer_to_unseen(case: Case, model: object, step: Step, name: str) -> str:
    """The answer to the row of `step` with one feature more, or which error it is."""
    first, *others = step
    row = first | {name: 1.0} if isinstance(first, dict) else first
    try:
        return answer(case, model, (row, *others))
    except (KeyError, TypeError) as error:
        return type(error).__name__


def test_every_public_class_is_shown_here_or_has_a_reason_not_to_be() -> None:
    shown = {case.shows for case in CASES}

    assert shown.isdisjoint(NOT_SHOWN)
    assert shown | NOT_SHOWN.keys() == public_classes().keys()
    assert all(NOT_SHOWN.values())
