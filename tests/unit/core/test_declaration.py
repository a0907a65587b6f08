"""What ``model:`` may say, read against the catalogue; its errors are in test_spec_errors.py."""

from __future__ import annotations

import numbers
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riverrun.core.catalogue import (
    ClassName,
    Construct,
    Misfit,
    read_declaration,
    read_metric,
    river_catalogue,
)


def read(value: Any) -> Construct:
    return read_declaration(value, river_catalogue())


def test_a_list_is_a_pipeline_and_one_step_is_itself() -> None:
    assert (
        read(["preprocessing.StandardScaler", "linear_model.LogisticRegression"]).name == "compose.Pipeline"
    )
    assert read(["linear_model.LogisticRegression"]).name == "linear_model.LogisticRegression"
    assert read("linear_model.LogisticRegression").name == "linear_model.LogisticRegression"


def test_a_union_takes_steps_and_lists_of_steps() -> None:
    made = read([{"union": ["preprocessing.StandardScaler", [{"compose.Select": ["a"]}]]}])

    assert made.name == "compose.TransformerUnion"
    assert [branch.name for branch in made.args] == ["preprocessing.StandardScaler", "compose.Select"]


def test_pipeline_and_union_by_their_class_names_are_read_alike() -> None:
    steps = ["preprocessing.StandardScaler", "linear_model.LogisticRegression"]

    assert [step.name for step in read({"compose.Pipeline": steps}).args] == steps
    assert read({"compose.TransformerUnion": steps[:1]}).args[0].name == steps[0]


def test_arguments_by_name_in_order_or_none_at_all() -> None:
    assert read({"optim.SGD": {"lr": 0.1}}).kwargs == {"lr": 0.1}
    assert read({"optim.SGD": [0.1]}).args == (0.1,)
    assert read({"optim.SGD": None}).kwargs == {}
    assert read({"compose.Select": ["a", "b", "c"]}).args == ("a", "b", "c")


def test_objects_nest_wherever_an_argument_is_one() -> None:
    made = read(
        {
            "ensemble.BaggingClassifier": {
                "n_models": 3,
                "model": [
                    "preprocessing.StandardScaler",
                    {
                        "linear_model.LogisticRegression": {
                            "optimizer": {
                                "optim.SGD": {"lr": {"optim.schedulers.InverseScaling": {"learning_rate": 1}}}
                            }
                        }
                    },
                ],
            }
        }
    )

    inner = made.kwargs["model"]
    assert inner.last.kwargs["optimizer"].kwargs["lr"].name == "optim.schedulers.InverseScaling"


def test_lists_of_objects_hold_steps_and_pipelines() -> None:
    pipeline = ["preprocessing.StandardScaler", "linear_model.LogisticRegression"]

    made = read({"ensemble.VotingClassifier": {"models": ["naive_bayes.GaussianNB", pipeline]}})

    assert [model.name for model in made.kwargs["models"]] == ["naive_bayes.GaussianNB", "compose.Pipeline"]


def test_plain_strings_and_one_key_mappings_stay_data() -> None:
    assert read({"compose.Select": ["stats.Mean"]}).args == ("stats.Mean",)
    assert read({"compose.Renamer": [{"optim.SGD": "b"}]}).args == ({"optim.SGD": "b"},)
    assert read({"compose.Prefixer": ["union"]}).args == ("union",)


def test_data_takes_the_shape_that_the_class_needs() -> None:
    assert read({"feature_extraction.BagOfWords": {"ngram_range": [1, 2]}}).kwargs["ngram_range"] == (1, 2)
    assert read({"compose.SelectType": ["float", "number"]}).args == (float, numbers.Number)
    categories = read({"preprocessing.OneHotEncoder": {"categories": {"c": ["x", "y"]}}}).kwargs["categories"]
    assert categories == {"c": {"x", "y"}}
    imputers = read({"preprocessing.StatImputer": [["t", "stats.Mean"]]}).args
    assert imputers[0][0] == "t"
    assert imputers[0][1].name == "stats.Mean"
    with pytest.raises(Misfit, match=r"did you mean stats\.Mean"):
        read({"preprocessing.StatImputer": [["t", "stats.Meen"]]})


def test_a_class_itself_may_be_an_argument() -> None:
    made = read({"utils.Rolling": {"cls": "stats.Quantile", "window_size": 5, "q": 0.9}})

    assert made.kwargs == {"cls": ClassName("stats.Quantile"), "window_size": 5, "q": 0.9}
    with pytest.raises(Misfit, match=r"did you mean stats\.Mean"):
        read({"utils.Rolling": ["stats.Meen", 5]})


def test_a_metric_may_leave_out_its_module() -> None:
    assert read_metric("ROCAUC", river_catalogue(), ()).name == "metrics.ROCAUC"
    made = read_metric({"metrics.RollingROCAUC": {"window_size": 5}}, river_catalogue(), ())
    assert made.kwargs == {"window_size": 5}


def test_nesting_without_end_is_refused() -> None:
    value: Any = "preprocessing.StandardScaler"
    for _ in range(100):
        value = [value]

    with pytest.raises(Misfit, match="deep"):
        read(value)


@pytest.mark.parametrize("depth", [50, 500])
def test_deep_data_is_refused(depth: int) -> None:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}

    with pytest.raises(Misfit, match="deep"):
        read({"compose.Renamer": {"mapping": value}})


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(sorted(river_catalogue().classes)),
    st.sampled_from(["union", "lr", "model", "models", "keys", "optimizer", "how", "on", "by"]),
)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(scalars.filter(lambda key: key == key), inner, max_size=2),
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(value=anything)
def test_whatever_is_written_is_read_or_refused(value: Any) -> None:
    made: Construct | Misfit
    try:
        made = read(value)
    except Misfit as misfit:
        made = misfit

    assert made.path[0] == "model"
    assert len(str(made)) < 20_000


@pytest.mark.parametrize(
    ("declared", "multiclass"),
    [
        ("linear_model.LogisticRegression", False),
        ("naive_bayes.GaussianNB", True),
        ({"multiclass.OneVsRestClassifier": ["linear_model.LogisticRegression"]}, True),
        ({"ensemble.BaggingClassifier": {"model": "linear_model.LogisticRegression"}}, False),
        ({"ensemble.BaggingClassifier": {"model": "tree.HoeffdingTreeClassifier"}}, True),
        (["preprocessing.StandardScaler", {"ensemble.BaggingClassifier": ["naive_bayes.GaussianNB"]}], True),
        ("linear_model.LinearRegression", False),
    ],
)
def test_it_is_known_which_classifiers_learn_many_classes(declared: Any, multiclass: bool) -> None:
    assert read(declared).multiclass is multiclass


def test_a_transformer_that_learns_from_labels_may_be_a_step() -> None:
    select = {"feature_selection.SelectKBest": {"similarity": "stats.PearsonCorr", "k": 2}}

    assert read([select, "linear_model.LinearRegression"]).args[0].name == "feature_selection.SelectKBest"
