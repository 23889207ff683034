"""The precision of gradients that a user allows; `attacks/precision_trial.py` chooses within it."""

from enum import StrEnum


class Precision(StrEnum):
    """Precision of gradients only: whether an image is broken is always decided in float32.

    auto: bfloat16 where a trial shows that attacks stay as strong.
    float32: float32 throughout.
    """

    AUTO = "auto"
    FLOAT32 = "float32"
