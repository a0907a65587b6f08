"""What a torch model answers, as a `Prediction`."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import torch
from torch import Tensor

from riverrun.core.errors import InvalidInput, NotReady, RiverrunError
from riverrun.core.predictions import Features, Prediction
from riverrun.learners.torch_model import TorchModel


class TorchAnswers:
    """The answers of a model in evaluation mode, whatever it learns meanwhile."""

    def __init__(self, model: TorchModel, task: str) -> None:
        self._model = model
        self._task = task

    def __call__(self, features: Features) -> Prediction:
        """Answer for one row. Raises `InvalidInput` for what cannot be encoded, `NotReady` for NaN."""
        return self.many([features])[0]

    def many(self, rows: Sequence[Features]) -> list[Prediction]:
        """Answer for each row, in order; one that cannot be encoded refuses them all."""
        if not rows:
            return []
        inputs = encoded(self._model, rows)
        with torch.inference_mode():
            outputs = self._model.module(*inputs).double()
            if self._task == "multiclass":
                answers = torch.softmax(outputs, dim=-1).tolist()
            else:
                outputs = outputs.reshape(-1)
                answers = (torch.sigmoid(outputs) if self._task == "binary" else outputs).tolist()
        if len(answers) != len(rows):
            raise InvalidInput("factory", f"the module gave {len(answers)} answers for {len(rows)} rows")
        return [self._prediction(answer) for answer in answers]

    def _prediction(self, answer: float | list[float]) -> Prediction:
        if isinstance(answer, float):
            if not isfinite(answer):
                raise NotReady("model", "its answer is not finite")
            if self._task == "regression":
                return Prediction(answer)
            answer = [1.0 - answer, answer]
        elif not isfinite(sum(answer)):
            raise NotReady("model", "its answer is not finite")
        probabilities = dict(zip(self._model.classes, answer, strict=True))
        return Prediction(max(probabilities, key=probabilities.__getitem__), probabilities)


def encoded(model: TorchModel, rows: Sequence[Features]) -> tuple[Tensor, ...]:
    """The inputs for `rows`. Raises `InvalidInput` where the model's own code refuses them."""
    try:
        return model.encode(rows)
    except RiverrunError:
        raise
    except Exception as error:
        raise InvalidInput("features", f"cannot be encoded ({type(error).__name__})") from error
