"""Forms of attacked images, for `--out-format`; `attacks/sets/forms/files.py` writes them."""

from enum import StrEnum


class Form(StrEnum):
    """What is written beside the arrays of a set."""

    NPZ = "npz"
    IMAGEFOLDER = "imagefolder"
    PARQUET = "parquet"
    WEBDATASET = "webdataset"
