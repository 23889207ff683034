"""List JAFFE, whose file names say person and expression: `KA.AN1.39.tiff`.

Source: Lyons, Akamatsu, Kamachi and Gyoba, "Coding facial expressions with Gabor wavelets", 1998.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from datasets.readers.coded_names import has_coded_names, list_coded
from datasets.readers.listing import Listing

_NAME = re.compile(r"[A-Z]{2}\.(?P<code>AN|DI|FE|HA|NE|SA|SU)\d\.\d+\.\w+")


def finds(path: Path) -> bool:
    """Whether the images below a folder are named as in JAFFE."""
    return has_coded_names(path, _NAME)


def list_faces(folder: Path, columns: Mapping[str, str]) -> Listing:
    """List all images; see `list_coded`."""
    return list_coded(folder, "JAFFE", _NAME, "KA.AN1.39.tiff", columns)
