"""The Python SDK: `AsyncClient`, and `Client` with the same verbs for code that does not await."""

from riverrun.client.answers import FeedbackAnswer, ManyAnswer, PredictAnswer, Rejected
from riverrun.client.async_client import AsyncClient
from riverrun.client.client import Client
from riverrun.rpc.credentials import Credentials

__all__ = [
    "AsyncClient",
    "Client",
    "Credentials",
    "FeedbackAnswer",
    "ManyAnswer",
    "PredictAnswer",
    "Rejected",
]
