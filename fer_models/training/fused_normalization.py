"""Batch normalisation in one pass, for trainings on TensorFlow: as Keras's, and faster.

Keras widens its input to float32 and multiplies, subtracts and adds in steps that each write the
whole feature map; TensorFlow has one operation for all of them, also for bfloat16.
"""

import keras


def with_fused_normalization(model: keras.Model) -> keras.Model:
    """The same net of layers, its batch normalisation computed in one pass where that can be.

    Weights are equal, in the same order. On another backend than TensorFlow the model itself.
    """
    if keras.backend.backend() != "tensorflow":
        return model
    twin = keras.models.clone_model(model, clone_function=_fused)
    twin.set_weights(model.get_weights())
    return twin


@keras.saving.register_keras_serializable("deadpan")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras's layer; feature maps with channels last are normalised by one operation."""

    def call(
        self,
        inputs: keras.KerasTensor,
        training: bool | None = None,
        mask: keras.KerasTensor | None = None,
    ) -> keras.KerasTensor:
        """Normalise by the statistics of the batch in training, else by the moving ones.

        Args:
            inputs: (N, ..., C); fused where it is (N, H, W, C).
            training: whether to normalise by the batch, and move the moving statistics.
            mask: as Keras's; not fused.
        """
        if len(inputs.shape) != 4 or self.axis not in (-1, 3) or mask is not None:
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf

        by_batch = bool(training and self.trainable)
        moving = self.moving_mean.value, self.moving_variance.value
        outputs, *found = tf.compat.v1.nn.fused_batch_norm(
            inputs,
            tf.ones_like(moving[0]) if self.gamma is None else self.gamma.value,
            tf.zeros_like(moving[0]) if self.beta is None else self.beta.value,
            *((None, None) if by_batch else moving),
            epsilon=self.epsilon,
            is_training=by_batch,
        )
        if by_batch:
            count = tf.cast(tf.size(inputs) // inputs.shape[-1], tf.float32)
            # TensorFlow divides by the number of values less one, Keras by the number.
            mean, variance = found[0], found[1] * (count - 1) / count
            for variable, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
                variable.assign(variable * self.momentum + value * (1 - self.momentum))
        return outputs


def _fused(layer: keras.layers.Layer) -> keras.layers.Layer:
    """A new layer like this one."""
    config, kind = layer.get_config(), type(layer)
    if kind is keras.layers.BatchNormalization and not config.get("renorm"):
        kind = FusedBatchNormalization
    return kind.from_config(config)
