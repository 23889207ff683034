"""Learning FER labels and FER+ votes in one training: a second dense layer beside the logits.

The second head only shapes the features (an auxiliary task, Caruana 1997, "Multitask learning");
the classifier that is kept has none.
"""

from typing import Any

import keras
from keras import layers

BOTH = "both_label_sets"


def logits_layer(model: keras.Model) -> keras.Layer:
    """The layer that makes logits of features: the last one with weights."""
    return next(layer for layer in reversed(model.layers) if layer.weights)


def with_second_head(model: keras.Model, num_classes: int) -> keras.Model:
    """The model with `num_classes` more logits behind its own; itself when there are none.

    The second head sees what the first sees, a map averaged over its places.
    """
    if num_classes == 0:
        return model
    features = logits_layer(model).input
    if len(features.shape) == 4:
        features = layers.GlobalAveragePooling2D()(features)
    other = layers.Dense(num_classes, dtype="float32", name="other_logits")(features)
    both = layers.Concatenate(name=BOTH, dtype="float32")([model.output, other])
    return keras.Model(model.input, both, name=model.name)


def without_second_head(model: keras.Model) -> keras.Model:
    """The classifier inside `with_second_head`; it shares all weights."""
    if model.layers[-1].name != BOTH:
        return model
    return keras.Model(model.input, model.layers[-1].input[0], name=model.name)


@keras.saving.register_keras_serializable("deadpan")
class LabelSetsLoss(keras.losses.Loss):
    """Cross-entropy of the first `num_classes` logits plus that of the rest times a weight.

    A row whose other target is all zero adds nothing to the second term, and a mixture of two rows
    (`fer_models/training/mixing.py`) as much as its other target sums to.
    """

    def __init__(
        self,
        num_classes: int,
        label_smoothing: float,
        other_weight: float,
        name: str = "label_sets_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.num_classes, self.label_smoothing = num_classes, label_smoothing
        self.other_weight = other_weight

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Loss of each row, float (N,)."""
        own = keras.losses.categorical_crossentropy(
            y_true[:, : self.num_classes],
            y_pred[:, : self.num_classes],
            from_logits=True,
            label_smoothing=self.label_smoothing,
        )
        if y_pred.shape[1] == self.num_classes:
            return own
        other_true = y_true[:, self.num_classes :]
        share = keras.ops.sum(other_true, axis=-1, keepdims=True)
        # TensorFlow's gradient is right for sums of 1 only: of a row of zeros it is the softmax.
        other = keras.losses.categorical_crossentropy(
            other_true / keras.ops.maximum(share, keras.config.epsilon()),
            y_pred[:, self.num_classes :],
            from_logits=True,
        )
        return own + self.other_weight * share[:, 0] * other

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor, for checkpoints."""
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "label_smoothing": self.label_smoothing,
            "other_weight": self.other_weight,
        }


@keras.saving.register_keras_serializable("deadpan")
class LabelSetAccuracy(keras.metrics.CategoricalAccuracy):
    """Accuracy of the first `num_classes` logits."""

    def __init__(self, num_classes: int, name: str = "accuracy", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.num_classes = num_classes

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Count right answers of a batch."""
        own = slice(0, self.num_classes)
        return super().update_state(y_true[:, own], y_pred[:, own], sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor, for checkpoints."""
        return {"name": self.name, "dtype": self.dtype, "num_classes": self.num_classes}
