"""The model behind MLServer, as its documentation writes a custom runtime: one tensor in, two out."""

from __future__ import annotations

from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput

from benchmarks import workload
from benchmarks.reference.peer_model import answer, taught_model


class RiverModel(MLModel):
    """A River model that answers the Open Inference Protocol."""

    async def load(self) -> bool:
        self._model = taught_model()
        self._names = list(workload.rows()[0][0])
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        # The tensor's numbers as they are: a codec would make an array of them, at a cost.
        features = dict(zip(self._names, payload.inputs[0].data, strict=True))
        answered = answer(self._model, features)
        shares = list(answered["probabilities"].values())
        return InferenceResponse(
            model_name=self.name,
            outputs=[
                ResponseOutput(name="prediction", datatype="BOOL", shape=[1], data=[answered["prediction"]]),
                ResponseOutput(name="probabilities", datatype="FP64", shape=[1, 2], data=shares),
            ],
        )
