"""The losses that attacks increase, by name and in words.

Not here: computing them (`fer_models/loss_slopes.py`, and in TensorFlow `fer_models/gradients.py`).
"""

from enum import StrEnum


class Loss(StrEnum):
    """A loss per image, which depends on that image alone.

    Classes that a model masks by a huge negative logit (`unmasked` in `fer_models/loss_slopes.py`)
    are neither part of a range nor counted: K is the number of the others.

    cross_entropy: -log softmax(z)_y, computed in float32 from logits.
    scaled_cross_entropy: cross-entropy of 8 z / (max z - min z), the range held constant, so
        confident logits neither underflow to a zero gradient nor hide one (R10). From 4 classes on
        the range is at most 4 (max z - median z), which a single class far below does not set. The
        margin itself for 2 classes, where rescaled logits are always 8 apart.
    margin: max_{j != y} z_j - z_y, positive exactly where the image is misclassified; towards a
        target t: z_t - z_y.
        Source: Carlini & Wagner 2017, arXiv 1608.04644, section V.
    dlr: difference of logits ratio, the margin divided by z_(1) - z_(3), z_(i) the i-th largest;
        towards a target by z_(1) - (z_(3) + z_(4)) / 2. The margin itself below 4 classes (R16).
        Source: Croce & Hein 2020, arXiv 2003.01690, equations 6 and 7.
    """

    CROSS_ENTROPY = "cross_entropy"
    SCALED_CROSS_ENTROPY = "scaled_cross_entropy"
    MARGIN = "margin"
    DLR = "dlr"
