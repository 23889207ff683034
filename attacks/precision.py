"""In which number format a user lets attacks compute; `attacks/quick.py` decides within it."""

from enum import StrEnum


class Precision(StrEnum):
    """Of gradients only: what is broken is always said in float32.

    auto: bfloat16 where a trial shows that attacks stay as strong.
    """

    AUTO = "auto"
    FLOAT32 = "float32"
