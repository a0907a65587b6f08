"""Every metric of riverrun, in one place. The version of the weights is a value, never a label."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_FAST = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_REQUEST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5)
_BYTES = tuple(float(4**n) for n in range(4, 15))

# Every service with tokens
AUTH_REFUSED = Counter(
    "riverrun_auth_refused", "Calls refused for their token or role, by reason", ["reason"]
)

# Parameter server
PUSHES = Counter("riverrun_param_server_pushes", "Pushes answered, by outcome", ["outcome"])
PUSH_SECONDS = Histogram(
    "riverrun_param_server_push_seconds",
    "From a push's last byte to its answer, fsync included",
    buckets=_FAST,
)
DELTA_BYTES = Histogram(
    "riverrun_param_server_delta_bytes", "Serving side's bytes of an accepted version", buckets=_BYTES
)
PULLS = Counter("riverrun_param_server_pulls", "Pulls answered, by what was sent", ["kind"])
HEAD_VERSION = Gauge("riverrun_param_server_head_version", "Newest version of the model", ["model"])
WATCHERS = Gauge("riverrun_param_server_watchers", "Watch streams open")
STORE_BYTES = Gauge("riverrun_param_server_store_bytes", "Bytes on disk of weights and manifests")

# Event log
APPENDED = Counter("riverrun_event_log_appended", "Events appended, by stream", ["stream"])
DUPLICATES = Counter("riverrun_event_log_duplicates", "Events that were there already, by stream", ["stream"])
LET_GO = Counter(
    "riverrun_event_log_let_go", "Events that went early because the disk was full, by stream", ["stream"]
)
ARCHIVED = Counter(
    "riverrun_event_log_archived", "Old events that moved into history files, by stream", ["stream"]
)
HISTORY_BYTES = Gauge("riverrun_event_log_history_bytes", "Bytes on disk of history files")
APPEND_SECONDS = Histogram(
    "riverrun_event_log_append_seconds",
    "From an append's receipt to its answer, fsync included",
    buckets=_FAST,
)

# Trainer
LEARNED = Counter("riverrun_trainer_examples_learned", "Examples learned", ["model"])
DEAD_LETTERED = Counter("riverrun_trainer_dead_lettered", "Events that could not be learned", ["model"])
DEAD_LETTERS_DROPPED = Counter(
    "riverrun_param_server_dead_letters_dropped", "Oldest dead letters that went for newer ones", ["model"]
)
DRIFTS = Counter("riverrun_trainer_drifts", "Drifts found, by detector of the spec", ["model", "detector"])
RETRAINS_ASKED = Counter(
    "riverrun_trainer_retrains_asked",
    "Retrains that triggers asked for, by what came of it: started, refused, failed",
    ["model", "outcome"],
)
PUBLISHED = Counter("riverrun_trainer_versions_published", "Versions pushed and acknowledged", ["model"])
PUBLISH_SECONDS = Histogram(
    "riverrun_trainer_publish_seconds", "From the start of encoding to the acknowledgement", buckets=_FAST
)
PUBLISH_SHARE = Gauge(
    "riverrun_trainer_publish_share", "Share of the trainer's time that publishing takes, recent", ["model"]
)
BUDGET_BOUND = Gauge(
    "riverrun_trainer_budget_bound", "1 while the budget, not the policy, sets the publishing pace", ["model"]
)
PREQUENTIAL = Gauge("riverrun_trainer_prequential_metric", "Prequential metric", ["model", "metric"])
TRAINED_VERSION = Gauge("riverrun_trainer_version", "Newest version this trainer published", ["model"])
MISSED_CHANGES = Counter(
    "riverrun_trainer_missed_changes", "Changes of the model that only the rolling audit found", ["model"]
)
SERVED_METRIC = Gauge(
    "riverrun_trainer_served_metric", "Metric of what callers really got", ["model", "metric"]
)
SLICE_LOSS = Gauge(
    "riverrun_trainer_slice_loss", "Recent mean loss of a slice, 0 to 1", ["model", "feature", "value"]
)
SLICE_WORSE = Gauge(
    "riverrun_trainer_slice_worse",
    "1 while a slice is surely worse than usual",
    ["model", "feature", "value"],
)
CALIBRATION_ERROR = Gauge("riverrun_trainer_calibration_error", "Expected calibration error", ["model"])
STABILITY_INDEX = Gauge(
    "riverrun_trainer_stability_index",
    "Shift of a feature since the first window, or of answers (empty)",
    ["model", "feature"],
)
HOLDOUT_LOSS = Gauge("riverrun_trainer_holdout_loss", "Mean loss on held-out examples", ["model", "part"])
LABEL_DELAY = Gauge(
    "riverrun_trainer_label_delay_seconds",
    "Delay of labels that came by id, by quantile",
    ["model", "quantile"],
)
LABEL_COVERAGE = Gauge(
    "riverrun_trainer_label_coverage", "Share of decided predictions that got their label", ["model"]
)
HELD_OUT = Counter("riverrun_trainer_held_out", "Examples that were kept from learning", ["model"])
OVER_SHARE = Counter(
    "riverrun_trainer_over_share", "Examples set aside since their source has had its share", ["model"]
)
GATE_FINDINGS = Counter(
    "riverrun_trainer_gate_findings",
    "What the gate came to, by window, version or bound",
    ["model", "finding"],
)
GATE_HOLDS = Gauge(
    "riverrun_trainer_gate_holds", "1 while the gate keeps live from what is learned", ["model"]
)
JOINED = Counter(
    "riverrun_trainer_joined", "Predictions and labels decided by the join, by outcome", ["model", "outcome"]
)
JOIN_OPEN = Gauge(
    "riverrun_trainer_join_open", "Predictions and labels that something may still be joined to", ["model"]
)
JOIN_WATERMARK = Gauge(
    "riverrun_trainer_join_watermark_seconds", "Event time up to which all is known, Unix seconds", ["model"]
)
LOG_LAG = Gauge("riverrun_trainer_log_lag_events", "Events in the log that were not learned yet", ["model"])

# Serving
PREDICTIONS = Counter(
    "riverrun_serving_predictions", "Rows answered, by model and protocol", ["model", "protocol"]
)
PREDICTIONS_LOGGED = Counter(
    "riverrun_serving_predictions_logged", "Predictions that the event log holds for a label", ["model"]
)
PREDICTIONS_REPEATED = Counter(
    "riverrun_serving_predictions_repeated",
    "Predictions whose id the log had already; the first is kept",
    ["model"],
)
PREDICTIONS_LOST = Counter(
    "riverrun_serving_predictions_lost", "Predictions answered and not logged, by reason", ["model", "reason"]
)
EXPERIMENT_ANSWERS = Counter(
    "riverrun_serving_experiment_answers",
    "Requests assigned to an arm of an experiment",
    ["model", "experiment", "arm"],
)
EXPERIMENT_MISSED = Counter(
    "riverrun_serving_experiment_missed",
    "Requests that live answered as their arm had no weights here",
    ["model", "experiment"],
)
REQUEST_SECONDS = Histogram(
    "riverrun_serving_request_seconds",
    "Requests by how they ended, refused ones too, and the time from their arrival to their answer",
    ["protocol", "route", "model", "code"],
    buckets=_REQUEST,
)
REFUSED = Counter("riverrun_serving_refused", "Requests refused, by reason", ["reason"])
FEEDBACK = Counter("riverrun_serving_feedback", "Feedback entries, by outcome", ["outcome"])
SERVED_VERSION = Gauge(
    "riverrun_serving_version", "Version that a channel answers with", ["model", "channel"]
)
SERVED_GENERATION = Gauge(
    "riverrun_serving_generation", "Generation of the channel that is applied", ["model", "channel"]
)
AGE_SECONDS = Gauge(
    "riverrun_serving_age_seconds", "Since the version was last confirmed as the newest", ["model", "channel"]
)
FRESHNESS_SECONDS = Histogram(
    "riverrun_serving_freshness_seconds",
    "From an event's arrival at the log to the swap to weights that learned it (oldest event of a swap)",
    ["model", "channel"],
    buckets=_FAST,
)
SWAPS = Counter("riverrun_serving_swaps", "Versions taken into use", ["model", "channel"])
SWAP_FAILURES = Counter(
    "riverrun_serving_swap_failures", "Versions that could not be taken", ["model", "channel"]
)
APPLY_SECONDS = Histogram(
    "riverrun_serving_apply_seconds", "Building the next version beside the one in use", buckets=_FAST
)
SYNC_BYTES = Counter("riverrun_serving_sync_bytes", "Bytes of weights received", ["model"])
