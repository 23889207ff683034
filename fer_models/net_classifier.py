"""What is known of a neural net behind its contract, whatever framework it is written in.

Explanations look at its layers, reliability checks call it in other ways than an attack does.
"""

from abc import abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np

from fer_models.classifier import DifferentiableClassifier
from fer_models.contract import Contract


class LayerGradients(NamedTuple):
    """Activations of a layer, float32 (N, h, w, F), and the gradient of a logit, same shape."""

    activations: np.ndarray
    gradient: np.ndarray


class NetClassifier(DifferentiableClassifier):
    """A neural net behind its contract.

    Attributes:
        contract: what its pixels and outputs mean.
        detached_by: how steps leave its framework so that no gradient comes back, in words.
    """

    contract: Contract
    detached_by: ClassVar[str] = "leaves its framework"

    @abstractmethod
    def count_parameters(self) -> int:
        """Number of its weights, trainable or not."""

    def count_multiply_adds(self) -> int | None:
        """Multiplications of its forward pass of one image of its own size, each with an addition.

        Convolutions and products of matrices count, as in papers; resizing and scaling before the
        net do not. None where they are not counted.
        """
        return None

    @abstractmethod
    def outputs(self, images: np.ndarray, contract: Contract) -> np.ndarray:
        """What the net itself answers, float32 (N, K), when images are fitted to a contract.

        Args:
            images: float32 (N, H, W, C) in [0, 1].
            contract: its own, or another to compare it with.
        """

    @abstractmethod
    def outputs_as_given(self, images: np.ndarray) -> np.ndarray:
        """What the net answers, float32 (N, K), when it is called as it was given to us.

        Attacks and figures call it in inference mode; a net may not have been in that mode. What
        the call changes in the net, such as averages of a batch normalisation, is undone.
        """

    @abstractmethod
    def map_sizes(self) -> dict[str, tuple[int, int]]:
        """Rows and columns of each layer whose output is a map, from image to logits.

        Layers without maps of a fixed size are left out.
        """

    @abstractmethod
    def layer_maps(self, images: np.ndarray, layer: str) -> np.ndarray:
        """Activations of a layer of `map_sizes`, float32 (N, h, w, F)."""

    @abstractmethod
    def layer_gradients(
        self, images: np.ndarray, classes: np.ndarray, layer: str
    ) -> LayerGradients:
        """Activations of a layer and how the logit of a class changes with each.

        Args:
            images: float32 (N, H, W, C) in [0, 1].
            classes: int64 (N,) in [0, K), whose logit is differentiated.
            layer: name of a layer of `map_sizes`.
        """
