"""A Keras 3 model behind its contract, as a Classifier: `wrap(keras_model, contract)`."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from inspect import signature
from typing import TypeVar

import keras
import numpy as np
from keras import ops

from fer_models.classifier import exits_refused, slices
from fer_models.contract import Contract, Output
from fer_models.costs.images_per_call import images_per_call
from fer_models.gradients import LayeredClassifier
from fer_models.identity import hash_of_net
from fer_models.pixels.in_keras import fit_to_contract
from fer_models.softmax import strip_softmax

_Made = TypeVar("_Made")


class KerasClassifier(LayeredClassifier):
    """A Keras 3 model behind its contract."""

    may_reduce_precision = True
    detached_by = "leaves TensorFlow by stop_gradient or numpy_function"

    def __init__(
        self, model: keras.Model, contract: Contract, model_id: str, weights_sha256: str
    ) -> None:
        self._model: keras.Model | None = model
        self._load_again: Callable[[], keras.Model] | None = None
        self.contract, self.face_side = contract, contract.height
        self.id = model_id
        self.scheme = contract.scheme
        self.weights_sha256 = weights_sha256

    @property
    def model(self) -> keras.Model:
        """The Keras model; whoever asks for it may change it, so from then on it stays loaded."""
        model, self._load_again = self.loaded(), None
        return model

    def load_again_by(self, load: Callable[[], keras.Model]) -> None:
        """Let `release` free the model.

        Args:
            load: makes the same model with the same weights, when it is next used.
        """
        self._load_again = load

    def release(self) -> None:
        """Free the model too, where it can be loaded again."""
        super().release()
        if self._load_again is not None:
            self._model = None

    def loaded(self) -> keras.Model:
        """The Keras model, for those who change nothing and keep it no longer than a call."""
        if self._model is None:
            assert self._load_again is not None
            self._model = in_fresh_keras(self._load_again)
        return self._model

    @cached_property
    def images_per_call(self) -> int:
        """See `fer_models/costs/images_per_call.py`."""
        return images_per_call(self.loaded())

    def symbolic_logits(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """Fit the images to the contract, call the model in inference mode, undo a softmax."""
        with exits_refused(self.id):
            outputs = self.loaded()(self.model_inputs(images), training=False)
        return self.outputs_to_logits(outputs)

    def model_inputs(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """Fit the images to the contract."""
        return fit_to_contract(images, self.contract)

    def symbolic_layer(
        self, inputs: keras.KerasTensor, layer: str
    ) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        """Activations of a layer of the model, and its logits, in inference mode."""
        model = self.loaded()
        both = keras.Model(model.inputs[0], [model.get_layer(layer).output, model.outputs[0]])
        activations, outputs = both(inputs, training=False)
        return activations, self.outputs_to_logits(outputs)

    def count_parameters(self) -> int:
        """See `NetClassifier.count_parameters`."""
        count: int = self.loaded().count_params()
        return count

    def outputs(self, images: np.ndarray, contract: Contract) -> np.ndarray:
        """See `NetClassifier.outputs`."""
        return self._called(images, contract, training=False)

    def outputs_as_given(self, images: np.ndarray) -> np.ndarray:
        """See `NetClassifier.outputs_as_given`."""
        model = self.loaded()
        before = [(v, ops.convert_to_numpy(v)) for v in model.variables if not v.trainable]
        answers = self._called(images, self.contract, training=_own_mode(model))
        for variable, value in before:
            variable.assign(value)
        return answers

    def _called(self, images: np.ndarray, contract: Contract, training: bool | None) -> np.ndarray:
        """What the model answers, not compiled: so the outputs of all layers are there at once."""
        model, size = self.loaded(), max(self.images_per_call // 4, 1)
        answers = []
        for part in slices(len(images), size):
            inputs = fit_to_contract(ops.convert_to_tensor(images[part]), contract)
            with exits_refused(self.id):
                answers.append(np.asarray(model(inputs, training=training), np.float32))
        return np.concatenate(answers)

    def count_multiply_adds(self) -> int | None:
        """See `NetClassifier.count_multiply_adds`; None for layers that hide their kernels."""
        from fer_models.costs.multiply_adds import multiply_adds

        try:
            return multiply_adds(self.loaded()) or None
        except ValueError:
            return None

    def map_sizes(self) -> dict[str, tuple[int, int]]:
        """See `NetClassifier.map_sizes`."""
        shapes = {layer.name: layer.output.shape[1:] for layer in self.loaded().layers[1:]}
        maps = {name: s[:2] for name, s in shapes.items() if len(s) == 3 and None not in s}
        return {name: (int(rows), int(columns)) for name, (rows, columns) in maps.items()}

    def layer_maps(self, images: np.ndarray, layer: str) -> np.ndarray:
        """See `NetClassifier.layer_maps`."""
        model = self.loaded()
        net = keras.Model(model.inputs[0], model.get_layer(layer).output)
        inputs = self.model_inputs(ops.convert_to_tensor(images))
        return np.asarray(net(inputs, training=False), np.float32)

    def outputs_to_logits(self, outputs: keras.KerasTensor) -> keras.KerasTensor:
        """Logits (N, K) of what the model answered."""
        outputs = ops.cast(outputs, "float32")
        if self.contract.output is Output.PROBABILITIES:
            return ops.log(ops.maximum(outputs, 1e-30))
        return outputs


def wrap(
    model: keras.Model,
    contract: Contract,
    *,
    model_id: str | None = None,
    weights_sha256: str | None = None,
) -> KerasClassifier:
    """Make a Classifier of a Keras 3 model; a softmax that is found as its last step is left out.

    Args:
        model: takes (N, height, width, channels) scaled to [low, high], returns (N, K).
        contract: what its pixels and outputs mean.
        model_id: name in results and reports; the model's own when None.
        weights_sha256: identity of the weights; hashed from model and contract when None.

    Raises:
        ValueError: the model's outputs are not (N, K) with the contract's K.
    """
    shape, model_id = model.output_shape, model_id or model.name
    if len(shape) != 2 or shape[-1] != contract.scheme.num_classes:
        raise ValueError(
            f"{model_id}: the contract names {contract.scheme.num_classes} classes, so outputs "
            f"must be (N, {contract.scheme.num_classes}). Received: {shape}"
        )
    if contract.output is Output.PROBABILITIES:
        model, removed = strip_softmax(model)
        contract = replace(contract, output=Output.LOGITS) if removed else contract
    sha256 = weights_sha256 or hash_of_net(model, f"{contract!r} ")
    return KerasClassifier(model, contract, model_id, sha256)


def in_fresh_keras(make: Callable[[], _Made]) -> _Made:
    """Return what `make` makes, at once even while a call is compiled, and under the same names.

    Keras counts the names of layers by thread, so in a new one they begin anew, and a model that is
    made again has the names it had. Under new ones TensorFlow would keep an operation for each of
    its variables to the end of the process: 3 MB each time for a net of 130 layers. What is traced
    belongs to a thread, too, so that weights are values here and not a part of the call.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(make).result()


def _own_mode(model: keras.Model) -> bool | None:
    """The mode in which a model is used as it is: None is that of its own graph.

    A model with `Resizing`, `RandomFlip` or their like has None only if its graph asks for training
    mode elsewhere: where no mode is named these layers switch all that follow them to training, in
    `model(x)` but not in `model.predict(x)`.
    """
    switches = [layer for layer in model._flatten_layers() if _trains_by_default(layer)]
    others = [layer for layer in model._flatten_layers() if layer not in switches]
    asks = any(
        node.arguments.kwargs.get("training") is True
        for layer in others
        for node in layer._inbound_nodes
    )
    return False if switches and not asks else None


def _trains_by_default(layer: keras.Layer) -> bool:
    mode = signature(layer.call).parameters.get("training")
    return mode is not None and mode.default is True
