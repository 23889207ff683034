"""The contract of a classifier: what its pixels and outputs mean.

Callers always pass float32 images in [0, 1]; `fer_models/pixels/` resizes, crops, changes
channels and scales as the contract says, so eps means the same for every model.
"""

from dataclasses import dataclass
from enum import StrEnum

from datasets.labels import LabelScheme


class PixelStep(StrEnum):
    """A named step on the pixels of each image; `fer_models/pixels/` applies it."""

    BGR = "bgr"
    EQUALISE = "equalise"
    STANDARDISE = "standardise"


class Resampling(StrEnum):
    """How images are brought to the model's size; weights: `fer_models/pixels/resampling.py`.

    `bicubic` is that of PyTorch and OpenCV, `bicubic_keras` that of `tf.image.resize`; kinds with
    `_antialias` are those of PIL, and of PyTorch and TensorFlow with `antialias=True`.
    """

    NEAREST = "nearest"
    BILINEAR = "bilinear"
    BILINEAR_ANTIALIAS = "bilinear_antialias"
    BICUBIC = "bicubic"
    BICUBIC_KERAS = "bicubic_keras"
    BICUBIC_ANTIALIAS = "bicubic_antialias"
    LANCZOS_ANTIALIAS = "lanczos_antialias"
    AREA = "area"


class Output(StrEnum):
    """What the model's last layer outputs."""

    LOGITS = "logits"
    PROBABILITIES = "probabilities"


@dataclass(frozen=True)
class Contract:
    """What a model expects and what it returns.

    Attributes:
        height: native rows, pixels.
        width: native columns, pixels.
        channels: 1 (grey) or 3 (RGB).
        scheme: classes in the order of the outputs.
        steps: applied to each image after resizing, in this order.
        resampling: how images of another size are resized.
        resized: rows and columns that images are resized to before the centre of `height` by
            `width` is cut out; None where nothing is cropped.
        eight_bit_resize: round to 8 bits after each of the two passes of resizing, as PIL does; the
            gradient passes straight through.
        keep_aspect: resize images that are not square until both sides have at least that size.
        low: model's value for a black pixel (after `standardise`: for 0).
        high: model's value for a white pixel (after `standardise`: for 1).
        mean: subtracted after scaling, one value or one per channel.
        std: divisor applied last, one value or one per channel.
        output: logits or probabilities.
    """

    height: int
    width: int
    channels: int
    scheme: LabelScheme
    low: float = 0.0
    high: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    output: Output = Output.LOGITS
    steps: tuple[PixelStep, ...] = ()
    resampling: Resampling = Resampling.BILINEAR
    resized: tuple[int, int] | None = None
    keep_aspect: bool = False
    eight_bit_resize: bool = False

    def __post_init__(self) -> None:
        if min(self.height, self.width) < 1 or self.channels not in (1, 3):
            raise ValueError(
                "a contract needs a positive size and 1 or 3 channels. "
                f"Received: {self.height}x{self.width}x{self.channels}"
            )
        if self.resized and (self.resized[0] < self.height or self.resized[1] < self.width):
            raise ValueError(
                "images are resized before the crop, so to at least its size. Received: "
                f"{self.resized[0]}x{self.resized[1]} for {self.height}x{self.width}"
            )
        if self.low == self.high:
            raise ValueError(f"`low` and `high` must differ. Received: both {self.low}")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, self.channels):
                raise ValueError(
                    f"`{name}` must be one value or one per channel ({self.channels}). "
                    f"Received: {values}"
                )
        if min(self.std) <= 0:
            raise ValueError(f"`std` must be above 0. Received: {self.std}")
