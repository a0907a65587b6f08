"""The SDK for code that awaits. `Client` has the same verbs for code that does not."""

from __future__ import annotations

from riverrun.client.experiment_verbs import ExperimentVerbs
from riverrun.client.letter_verbs import LetterVerbs
from riverrun.client.object_verbs import ObjectVerbs
from riverrun.client.prediction_verbs import PredictionVerbs
from riverrun.client.retrain_verbs import RetrainVerbs
from riverrun.client.store_verbs import StoreVerbs


class AsyncClient(PredictionVerbs, ExperimentVerbs, RetrainVerbs, ObjectVerbs, LetterVerbs, StoreVerbs):
    """One stack: predictions and feedback over REST, everything else over gRPC.

    Connects when first used; may be used by many tasks of one event loop. Verbs raise the errors of
    `riverrun.core.errors`; `Unavailable` when the other side cannot be reached in time.
    """
