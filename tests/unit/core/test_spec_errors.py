"""Every wrong spec is refused with the field, the reason and the line."""

from __future__ import annotations

import pytest

from riverrun.core.errors import InvalidSpec
from riverrun.core.spec import parse_spec

HEAD = "name: fraud\ntask: binary\n"
REGRESSION = "name: price\ntask: regression\n"
TORCH = "name: fraud\ntask: binary\nlearner: torch\nfeatures: {amount: float}\n"
OK = "model: linear_model.LogisticRegression\n"
PRICE = "model: linear_model.LinearRegression\n"
F_AC = "features: {a: float, c: category}\n"
JUDGED = HEAD + OK + "features: {carrier: category, distance: float}\nmetrics: [ROCAUC]\n"
WHEN = "retrain:\n  when:\n    - "

TABLE = [
    # The document.
    ("", "spec", None, "mapping"),
    ("- 1", "spec", None, "mapping"),
    ("a: [1", "spec", 1, "not YAML"),
    ("name: a\nname: b", "spec", 2, "not YAML"),
    ("? [a, b]\n: c", "spec", None, "keys that are text"),
    ("a: " + "[" * 5000, "spec", None, "too deeply"),
    ("x: " + "y" * (1 << 20), "spec", None, "bytes"),
    # Keys and their values.
    (HEAD, "spec", None, "exactly one of model and factory"),
    (HEAD + OK + "factory: a.b:c", "spec", None, "exactly one of model and factory"),
    (HEAD + OK + "modle: 1", "modle", 4, "unknown key"),
    (OK + "task: binary", "name", None, "required"),
    ("name: Fraud!\ntask: binary\n" + OK, "name", 1, "pattern"),
    ("name: fraud\ntask: binry\n" + OK, "task", 2, "binary"),
    (HEAD + "factory: nothing", "factory", 3, "pattern"),
    (HEAD + OK + "features:\n  x: flaot", "features.x.type", 5, "float"),
    (HEAD + OK + "features:\n  x: {type: float, max: a}", "features.x.max", 5, "number"),
    (HEAD + OK + "features:\n  x: {type: category, max: 1}", "features.x", 5, "min and max"),
    (HEAD + OK + "features:\n  x: {type: float, min: 2, max: 1}", "features.x.min", 5, "is above max"),
    (HEAD + OK + "label: {type: float}", "label.type", 4, "does not fit task binary"),
    (HEAD + OK + "label:\n  window: 48", "label.window", 5, "48h"),
    (HEAD + OK + "predictions: {sample: 120%}", "predictions.sample", 4, "less than or equal to 1"),
    (HEAD + OK + "publish: {every: soon}", "publish.every", 4, "250ms"),
    (HEAD + OK + "publish: {every_events: 0}", "publish.every_events", 4, "greater than or equal to 1"),
    (HEAD + OK + "publish: {budget: 2}", "publish.budget", 4, "20%"),
    (
        HEAD + OK + "publish: {on_metric: {metric: F1, change: 0.1}}",
        "publish.on_metric.metric",
        4,
        "F1 is not among metrics",
    ),
    (HEAD + OK + "sync: {mode: interval}", "sync.interval", 4, "goes with mode interval"),
    (HEAD + OK + "sync: {mode: watch, version: 3}", "sync.version", 4, "pinned"),
    # Drift and triggers.
    (HEAD + OK + "drift: ADWIN", "drift", 4, "expected a list"),
    (HEAD + OK + "drift:\n  - {detector: ADWON}", "drift.0.detector", 5, "expected one of ADWIN, KSWIN"),
    (HEAD + OK + "drift:\n  - {detector: NoDrift}", "drift.0.detector", 5, "expected one of ADWIN"),
    (
        HEAD + OK + "drift:\n  - detector: {ADWIN: {detla: 1}}",
        "drift.0.detector.ADWIN.detla",
        5,
        "unknown argument of drift.ADWIN",
    ),
    (HEAD + OK + "drift:\n  - {detector: DDM, on: prediction}", "drift.0.on", 5, "expected error"),
    (REGRESSION + PRICE + "drift:\n  - {detector: DDM}", "drift.0.on", 5, "counts wrong classes"),
    (HEAD + OK + F_AC + "drift:\n  - {detector: ADWIN, on: b}", "drift.0.on", 6, "a feature, got b"),
    (HEAD + OK + F_AC + "drift:\n  - {detector: ADWIN, on: c}", "drift.0.on", 6, "is fed numbers"),
    (
        HEAD + OK + F_AC + "drift:\n  - {detector: ADWIN, on: a, of: served}",
        "drift.0.of",
        6,
        "goes with error and prediction",
    ),
    (HEAD + OK + "drift:\n  - {detector: ADWIN}\n  - {detector: ADWIN}", "drift.1", 6, "is given twice"),
    (HEAD + OK + WHEN + "{}", "retrain.when.0", 6, "exactly one of drift, metric"),
    (HEAD + OK + WHEN + "{drift: any}", "retrain.when.0.drift", 6, "needs a detector under drift"),
    (HEAD + OK + WHEN + "{drift: mine}", "retrain.when.0.drift", 6, "mine is no detector"),
    (HEAD + OK + WHEN + "{metric: F1}", "retrain.when.0.metric", 6, "goes with below or above"),
    (HEAD + OK + WHEN + "{metric: F1, below: 0.5}", "retrain.when.0.metric", 6, "F1 is not among metrics"),
    (HEAD + OK + WHEN + "{stale: 1d, at: 3h}", "retrain.when.0.at", 6, "goes with schedule"),
    (HEAD + OK + WHEN + "{examples: 0}", "retrain.when.0.examples", 6, "greater than or equal to 1"),
    (HEAD + OK + WHEN + "{all: [{all: [{stale: 1d}]}]}", "retrain.when.0.all", 6, "not another all"),
    (HEAD + OK + WHEN + "{all: [{drift: mine}]}", "retrain.when.0.all.0.drift", 6, "mine is no detector"),
    (HEAD + OK + WHEN + "{stale: 1d, since_drift: true}", "retrain.when.0.since_drift", 6, "goes with drift"),
    # Steps.
    (HEAD + "model: []", "model", 3, "at least one step"),
    (HEAD + "model: 5", "model", 3, "class name"),
    (HEAD + "model: {a: 1, b: 2}", "model", 3, "class name"),
    (HEAD + "model:\n  - 1: {}", "model.0", 4, "class name"),
    (
        HEAD + "model: linear_model.LogisticRegresion",
        "model",
        3,
        "did you mean linear_model.LogisticRegression",
    ),
    (HEAD + "model: LogisticRegression", "model", 3, "did you mean linear_model.LogisticRegression"),
    (HEAD + "model: os.system", "model", 3, "unknown class os.system"),
    (HEAD + "model: {builtins.eval: ['1']}", "model.builtins.eval", 3, "unknown class"),
    (HEAD + "model: base.Classifier", "model", 3, "base.Classifier cannot be declared: it is a base class"),
    (
        HEAD + "model: [datasets.Phishing]",
        "model.0",
        3,
        "datasets.Phishing cannot be declared: it is no part",
    ),
    (
        HEAD + "model:\n- feature_extraction.RandomTreesEmbedding\n- naive_bayes.GaussianNB",
        "model.0",
        4,
        "feature_extraction.RandomTreesEmbedding cannot be declared: it keeps the memory addresses",
    ),
    (
        HEAD + "model:\n  tree.HoeffdingTreeClassifier:\n    splitter: utils.VectorDict",
        "model.tree.HoeffdingTreeClassifier.splitter",
        5,
        "utils.VectorDict cannot be declared: models make it",
    ),
    (
        HEAD + "model:\n- linear_model.LogisticRegression\n- preprocessing.StandardScaler",
        "model.0",
        4,
        "must be the last step",
    ),
    (HEAD + "model:\n- union: 3\n- linear_model.LogisticRegression", "model.0.union", 4, "list of branches"),
    (
        HEAD + "model:\n- union:\n  - preprocessing.StandardScaler\n  - naive_bayes.GaussianNB",
        "model.0.union.1",
        6,
        "cannot be in a union",
    ),
    # Arguments.
    (
        HEAD + "model:\n- linear_model.LogisticRegression:\n    optimiser: optim.SGD",
        "model.0.linear_model.LogisticRegression.optimiser",
        5,
        "it takes optimizer, loss",
    ),
    (
        HEAD + "model:\n- preprocessing.StandardScaler\n- linear_model.LogisticRegression:\n    optimizer: 1",
        "model.1.linear_model.LogisticRegression.optimizer",
        6,
        "an Optimizer such as optim.SGD",
    ),
    (
        HEAD + "model:\n- linear_model.LogisticRegression:\n    optimizer: {optim.SGD: {lr: fast}}",
        "model.0.linear_model.LogisticRegression.optimizer.optim.SGD.lr",
        5,
        "a number",
    ),
    (
        HEAD + "model: {linear_model.LogisticRegression: {optimizer: stats.Mean}}",
        "model.linear_model.LogisticRegression.optimizer",
        3,
        "stats.Mean does not fit",
    ),
    (
        HEAD + "model: {linear_model.LogisticRegression: {optimizer: optim.SDG}}",
        "model.linear_model.LogisticRegression.optimizer",
        3,
        "did you mean optim.SGD",
    ),
    (
        HEAD + "model: {linear_model.LogisticRegression: {l2: .nan}}",
        "model.linear_model.LogisticRegression.l2",
        3,
        "a finite number",
    ),
    (
        HEAD + "model: {linear_model.LogisticRegression: {l2: true}}",
        "model.linear_model.LogisticRegression.l2",
        3,
        "expected a number",
    ),
    (
        HEAD + "model: {linear_model.LogisticRegression: 0.1}",
        "model.linear_model.LogisticRegression",
        3,
        "mapping of arguments",
    ),
    (
        HEAD + "model: {naive_bayes.GaussianNB: [1]}",
        "model.naive_bayes.GaussianNB",
        3,
        "takes no arguments, 1 given",
    ),
    (
        HEAD + "model:\n  ensemble.BaggingClassifier:\n    n_models: 3",
        "model.ensemble.BaggingClassifier",
        4,
        "needs model",
    ),
    (
        HEAD + "model:\n  ensemble.BaggingClassifier:\n    model: linear_model.LinearRegression",
        "model.ensemble.BaggingClassifier.model",
        5,
        "expected a Classifier",
    ),
    (
        HEAD + "model:\n  ensemble.BaggingClassifier:\n    model: naive_bayes.GaussianNB\n    n_models: ten",
        "model.ensemble.BaggingClassifier.n_models",
        6,
        "a whole number",
    ),
    (
        HEAD + "model:\n  ensemble.VotingClassifier:\n    models: naive_bayes.GaussianNB",
        "model.ensemble.VotingClassifier.models",
        5,
        "a list of Classifiers",
    ),
    (
        HEAD + "model:\n- compose.FuncTransformer: [f]\n- naive_bayes.GaussianNB",
        "model.0.compose.FuncTransformer",
        4,
        "use factory",
    ),
    (
        HEAD + "model:\n- feature_extraction.BagOfWords: {tokenizer: split}\n- naive_bayes.MultinomialNB",
        "model.0.feature_extraction.BagOfWords.tokenizer",
        4,
        "takes a function",
    ),
    (
        HEAD + "model:\n- compose.SelectType: [text]\n- naive_bayes.GaussianNB",
        "model.0.compose.SelectType.0",
        4,
        "one of float, int",
    ),
    # Whether it fits the task.
    (HEAD + "model: linear_model.LinearRegression", "model", 3, "expected a Classifier"),
    (HEAD + "model: preprocessing.StandardScaler", "model", 3, "expected a Classifier"),
    (REGRESSION + "model: linear_model.LogisticRegression", "model", 3, "expected a Regressor"),
    (
        HEAD + "model: {multioutput.ClassifierChain: {model: naive_bayes.GaussianNB}}",
        "model.multioutput.ClassifierChain",
        3,
        "cannot answer",
    ),
    ("name: a\ntask: multiclass\n" + OK, "model", 3, "OneVsRestClassifier"),
    (HEAD + OK + "label: {type: category}", "model", 3, "send bool labels"),
    # Metrics.
    (HEAD + OK + "metrics: ROCAUC", "metrics", 4, "a list of metrics"),
    (HEAD + OK + "metrics: [ROCAUX]", "metrics.0.ROCAUX", 4, "did you mean metrics.ROCAUC"),
    (HEAD + OK + "metrics:\n- ROCAUC\n- MAE", "metrics.1.MAE", 6, "does not judge a binary task"),
    (HEAD + OK + "metrics:\n- 7", "metrics.0", 5, "name of a metric"),
    (HEAD + OK + "metrics: [ROCAUC, ROCAUC]", "metrics.1", 4, "given twice"),
    (HEAD + OK + "metrics: [FBeta]", "metrics.0.FBeta", 4, "needs beta"),
    (
        HEAD + OK + "metrics: [{RollingROCAUC: {size: 3}}]",
        "metrics.0.RollingROCAUC.size",
        4,
        "it takes window_size",
    ),
    (HEAD + OK + "metrics: [ConfusionMatrix]", "metrics.0.ConfusionMatrix", 4, "not a number"),
    (
        HEAD + "model: naive_bayes.GaussianNB\nlabel: {type: category}\nmetrics: [F1]",
        "metrics.0.F1",
        5,
        "needs pos_val",
    ),
    (
        HEAD + "model: naive_bayes.GaussianNB\nlabel: {type: category}\nmetrics: [{F1: {pos_val: true}}]",
        "metrics.0.F1.pos_val",
        5,
        "expected a string",
    ),
    (
        HEAD + "model: naive_bayes.GaussianNB\nlabel: {type: category}\nmetrics: [LogLoss]",
        "metrics.0.LogLoss",
        5,
        "CrossEntropy",
    ),
    (
        "name: a\ntask: multiclass\nmodel: naive_bayes.GaussianNB\nmetrics: [F1]",
        "metrics.0.F1",
        4,
        "does not judge a multiclass task",
    ),
    (
        HEAD + "model: {ensemble.VotingClassifier: [[naive_bayes.GaussianNB]]}\nmetrics: [LogLoss]",
        "metrics.0.LogLoss",
        4,
        "gives none",
    ),
    # Torch.
    (TORCH + "model: [mlp]", "model", 5, "{mlp: {…}}"),
    (TORCH + "model: {cnn: {}}", "model.cnn", 5, "there is: mlp"),
    (TORCH + "model: {mlp: {layers: 3}}", "model.mlp.layers", 5, "unknown key"),
    (TORCH + "model: {mlp: {hidden: [8, 0]}}", "model.mlp.hidden.1", 5, "greater than or equal to 1"),
    (TORCH + "model: {mlp: {optimizer: RMSprop}}", "model.mlp.optimizer", 5, "SGD, Adam, Adagrad"),
    (
        TORCH + "model:\n  mlp:\n    optimizer: {SGD: {lr: -1}}",
        "model.mlp.optimizer.SGD.lr",
        7,
        "greater than 0",
    ),
    (TORCH + "model: {mlp: {activation: swish}}", "model.mlp.activation", 5, "relu"),
    (TORCH + "model: {mlp: {classes: [a, b]}}", "model.mlp.classes", 5, "of type bool"),
    (TORCH.replace("features: {amount: float}\n", "model: {mlp: {}}"), "model.mlp", 4, "needs features"),
    (
        TORCH.replace("binary", "multiclass") + "model: {mlp: {}}",
        "model.mlp.classes",
        5,
        "is required",
    ),
    (
        TORCH + "model:\n  factorization:\n    optimizer: Adam",
        "model.factorization.optimizer.Adam",
        7,
        "SparseAdam moves those of the batch",
    ),
    (
        TORCH + "model:\n  factorization:\n    optimizer: {SGD: {momentum: 0.9}}",
        "model.factorization.optimizer.SGD.momentum",
        7,
        "moves every row",
    ),
    (TORCH + "model: {factorization: {dim: 0}}", "model.factorization.dim", 5, "greater than or equal to 1"),
    (TORCH + "model: {factorization: {hidden: [8]}}", "model.factorization.hidden", 5, "unknown key"),
    (
        TORCH + "model: {factorization: {dim: 64, buckets: 16000000}}",
        "model.factorization.buckets",
        5,
        "expected at most 268435456",
    ),
    (
        TORCH.replace("binary", "multiclass") + "model: {factorization: {classes: [a, b]}}",
        "model.factorization",
        5,
        "binary and regression",
    ),
    (TORCH + "model: {two_tower: {}}", "model.two_tower.user", 5, "required"),
    (
        TORCH + "model:\n  two_tower:\n    user: {features: [amount]}\n    item: {features: [colour]}",
        "model.two_tower.item.features.0",
        8,
        "colour is not among features",
    ),
    (
        TORCH + "model:\n  two_tower:\n    user: {features: [amount]}\n    item: {features: []}",
        "model.two_tower.item.features",
        8,
        "at least 1",
    ),
    (
        TORCH
        + "model:\n  two_tower:\n    user: {features: [amount, amount]}\n    item: {features: [amount]}",
        "model.two_tower.user.features.1",
        7,
        "given twice",
    ),
    (
        TORCH.replace("{amount: float}", "{amount: float, hour: int}")
        + "model: {two_tower: {user: {features: [amount]}, item: {features: [amount]}}}",
        "model.two_tower",
        5,
        "hour is in neither tower",
    ),
    (
        TORCH.replace("binary", "regression") + "model: {mlp: {classes: [1, 2]}}",
        "model.mlp.classes",
        5,
        "classification only",
    ),
    # What is judged, and which versions may answer.
    (JUDGED + "gate: {window: 100}", "gate.window", 6, "goes with mode shadow or enforce"),
    (JUDGED + "gate: {mode: shadow, window: 5}", "gate.window", 6, ""),
    (JUDGED + "gate: {mode: on}", "gate.mode", 6, ""),
    (JUDGED + "gate: {mode: shadow, alpha: 0}", "gate.alpha", 6, ""),
    (JUDGED + "gate: {mode: shadow, margin: 1}", "gate.margin", 6, ""),
    (JUDGED + "gate: {on_refusal: forget}", "gate.on_refusal", 6, ""),
    (JUDGED + "gate: {bounds: {norm: 0}}", "gate.bounds.norm", 6, ""),
    (JUDGED + "gate: {bounds: {step: .inf}}", "gate.bounds.step", 6, ""),
    (JUDGED + "gate: {bounds: {probes: {rows: 0}}}", "gate.bounds.probes.rows", 6, ""),
    (
        JUDGED + "gate: {bounds: {probes: {change: 2}}}",
        "gate.bounds.probes.change",
        6,
        "expected a percentage",
    ),
    (
        JUDGED + "gate: {rollback: {metric: ROCAUC}}",
        "gate.rollback",
        6,
        "give exactly one of below and above",
    ),
    (
        JUDGED + "gate: {rollback: {metric: ROCAUC, below: 1, above: 2}}",
        "gate.rollback",
        6,
        "give exactly one",
    ),
    (
        JUDGED + "gate: {rollback: {metric: MAE, below: 1}}",
        "gate.rollback.metric",
        6,
        "MAE is not among metrics",
    ),
    (
        JUDGED + "gate: {mode: shadow, holdout_margin: 0.1}",
        "gate.holdout_margin",
        6,
        "needs a holdout with a share",
    ),
    (JUDGED + "evaluation: {window: 1}", "evaluation.window", 6, "greater than or equal to 50"),
    (JUDGED + "holdout: {share: 0.1}", "holdout.share", 6, "expected a percentage"),
    (JUDGED + "holdout: {history: 0}", "holdout.history", 6, ""),
    (JUDGED + "slices: carrier", "slices", 6, "expected a list of at most 16 features"),
    (JUDGED + "slices: [origin]", "slices.0", 6, "origin is not among features"),
    (JUDGED + "slices: [carrier, carrier]", "slices.1", 6, "carrier is given twice"),
    (JUDGED + "slices: [distance]", "slices.0", 6, "distance is a number: give edges"),
    (JUDGED + "slices: [{feature: distance, edges: [2, 1]}]", "slices.0.edges", 6, "expected rising numbers"),
    (JUDGED + "slices: [{feature: carrier, edges: [2]}]", "slices.0.edges", 6, "goes with numbers only"),
    (JUDGED + "slices: [{feature: carrier, values: 0}]", "slices.0.values", 6, ""),
    (JUDGED + "sources: {feature: origin, share: 20%}", "sources.feature", 6, "is not among features"),
    (JUDGED + "sources: {feature: distance, share: 20%}", "sources.feature", 6, "is a float: expected"),
    (JUDGED + "sources: {feature: carrier}", "sources.share", 6, ""),
    (JUDGED + "sources: {feature: carrier, share: 0.2}", "sources.share", 6, "expected a percentage"),
    (
        JUDGED + "sources: {feature: carrier, share: 1%, over: 50}",
        "sources.share",
        6,
        "less than one example",
    ),
]


@pytest.mark.parametrize(("text", "field", "line", "expected"), TABLE, ids=range(len(TABLE)))
def test_a_wrong_spec_is_refused_with_field_line_and_reason(
    text: str, field: str, line: int | None, expected: str
) -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse_spec(text)

    assert refused.value.field == field
    assert refused.value.line == line
    assert expected in refused.value.expected


def test_aliases_cannot_blow_a_short_text_up() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]

    with pytest.raises(InvalidSpec, match="aliases"):
        parse_spec("\n".join(lines))
