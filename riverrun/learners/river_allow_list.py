"""What the state of a River model may mention: names from a committed list, never from data."""

from __future__ import annotations

import functools
import importlib
import json
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from riverrun.codec.allow_list import AllowList

# Attributes that only further learning reads, by class; subclasses inherit them. A test lets every
# estimator predict without them. A generator that `predict` draws from is not one of them.
_TRAINER_ONLY = {
    "drift.retrain.DriftRetrainingClassifier": "drift_detector bkg_model",
    "ensemble.bagging.BaseBagging": "_rng",
    "ensemble.bagging.ADWINBaggingClassifier": "_drift_detectors",
    "ensemble.bagging.LeveragingBaggingClassifier": "_drift_detectors",
    "ensemble.boosting.AdaBoostClassifier": "_rng",
    "ensemble.boosting.ADWINBoostingClassifier": "_drift_detectors",
    "ensemble.streaming_random_patches.BaseSRPEnsemble": "_rng drift_detector warning_detector",
    "ensemble.streaming_random_patches.BaseSRPEstimator": (
        "_background_learner drift_detector rng warning_detector"
    ),
    "facto.base.BaseFM": "intercept_lr latent_optimizer weight_optimizer",
    "facto.fwfm.FwFM": "int_weight_optimizer",
    "forest.adaptive_random_forest.BaseForest": (
        "_background _drift_detectors _drift_tracker _rng _warning_detectors _warning_tracker "
        "drift_detector warning_detector"
    ),
    "forest.adaptive_random_forest.BaseTreeClassifier": "rng",
    "forest.adaptive_random_forest.BaseTreeRegressor": "rng",
    "forest.aggregated_mondrian_forest.AMFLearner": "_rng",
    "forest.online_extra_trees.ExtraTrees": (
        "_background_trees _drift_detectors _rng _warn_detectors _weight_sampler "
        "drift_detector warning_detector"
    ),
    "imblearn.hard_sampling.HardSampling": "_rng buffer",
    "imblearn.random.ClassificationSampler": "_rng",
    "linear_model.base.GLM": "intercept_lr optimizer",
    "linear_model.softmax.SoftmaxRegression": "optimizer optimizers",
    "proba.base.Distribution": "_rng",
    "reco.baseline.Baseline": "i_optimizer optimizer u_optimizer",
    "reco.biased_mf.BiasedMF": (
        "i_bias_optimizer i_latent_optimizer optimizer u_bias_optimizer u_latent_optimizer"
    ),
    "reco.funk_mf.FunkMF": "i_optimizer optimizer u_optimizer",
    "tree.hoeffding_adaptive_tree_classifier.HoeffdingAdaptiveTreeClassifier": "_rng drift_detector",
    "tree.hoeffding_adaptive_tree_regressor.HoeffdingAdaptiveTreeRegressor": "_rng drift_detector",
    "tree.mondrian.mondrian_tree.MondrianTree": "_rng",
    "tree.nodes.arf_htc_nodes.BaseRandomLeaf": "rng",
    "tree.nodes.hatc_nodes.AdaBranchClassifier": "drift_detector",
    "tree.nodes.hatc_nodes.AdaLeafClassifier": "drift_detector rng",
    "tree.nodes.hatr_nodes.AdaBranchRegressor": "drift_detector",
    "tree.nodes.hatr_nodes.AdaLeafRegressor": "drift_detector rng",
}
TRAINER_ONLY: frozenset[tuple[str, str]] = frozenset(
    (f"river.{owner}", attribute) for owner, names in _TRAINER_ONLY.items() for attribute in names.split()
)

RESTLESS = frozenset(
    f"river.{name}"
    for name in (
        "active.entropy.EntropySampler",
        "anomaly.pad.PredictiveAnomalyDetection",
        "cluster.clustream.CluStream",
        "cluster.dbstream.DBSTREAM",
        "cluster.textclust.TextClust",
        "compose.grouper.Grouper",
        "covariance.ewa._EWMatrix",
        "facto.base.BaseFM",
        "feature_extraction.agg.Agg",
        "feature_extraction.agg.TargetAgg",
        "feature_extraction.kernel_approx.RBFSampler",
        "feature_selection.random.PoissonInclusion",
        "linear_model.bayesian_lin_reg.BayesianLinearRegression",
        "metrics.mutual_info.AdjustedMutualInfo",
        "metrics.mutual_info.MutualInfo",
        "metrics.mutual_info.NormalizedMutualInfo",
        "metrics.rand.AdjustedRand",
        "metrics.rand.Rand",
        "metrics.roc_auc.ROCAUC",
        "metrics.rolling_pr_auc.RollingPRAUC",
        "metrics.rolling_roc_auc.RollingROCAUC",
        "metrics.vbeta.Completeness",
        "metrics.vbeta.Homogeneity",
        "metrics.vbeta.VBeta",
        "multioutput.chain.MonteCarloClassifierChain",
        "preprocessing.lda.LDA",
        "preprocessing.random_projection.GaussianRandomProjector",
        "preprocessing.random_projection.SparseRandomProjector",
        "reco.normal.RandomNormal",
    )
)
"""Classes whose instances change when they answer: they draw from a generator or put off some work."""

REFUSED = {
    "river.feature_extraction.kernel_approx.RandomTreesEmbedding": (
        "it keeps the memory addresses of its nodes, which mean nothing in another process"
    ),
}
"""Classes whose state cannot be stored, each with the reason."""


@functools.cache
def river_allow_list() -> AllowList:
    """The allow-list of the River that is installed. The first call imports most of River.

    Raises `RuntimeError` when the committed list was made for another version of River.
    """
    listed = json.loads(files(__package__).joinpath("river_allow_list.json").read_text())
    installed = version("river")
    if listed["version"] != installed:
        raise RuntimeError(
            f"the allow-list is of River {listed['version']}, installed is {installed}: "
            "run scripts/generate_allow_list.py"
        )
    return AllowList(
        types={name: _find(name) for name in listed["types"] if name not in REFUSED},
        functions={name: _find(name) for name in listed["functions"]},
        trainer_only=TRAINER_ONLY,
        tables=frozenset(listed["tables"]),
        restless=RESTLESS,
        refused=REFUSED,
        opaque=dict.fromkeys(listed["opaque"], f"river {listed['version']}"),
    )


def _find(name: str) -> Any:
    """The object called `name`, which is from the committed list: module, then attributes."""
    if name == "builtins.NoneType":
        return type(None)
    path = name.split(".")
    found: Any = importlib.import_module(path[0])
    for length, part in enumerate(path[1:], start=2):
        try:
            found = getattr(found, part)
        except AttributeError:
            found = importlib.import_module(".".join(path[:length]))
    return found
