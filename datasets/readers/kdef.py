"""List KDEF, whose file names say session, sex, person, expression and angle: `AF01ANS.JPG`.

All five angles are read. Source: Lundqvist, Flykt and Öhman, "The Karolinska Directed Emotional
Faces", 1998.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from datasets.readers.coded_names import has_coded_names, list_coded
from datasets.readers.listing import Listing

_NAME = re.compile(r"[AB][FM]\d\d(?P<code>AF|AN|DI|HA|NE|SA|SU)(FL|HL|S|HR|FR)\.\w+")


def finds(path: Path) -> bool:
    """Whether the images below a folder are named as in KDEF."""
    return has_coded_names(path, _NAME)


def list_faces(folder: Path, columns: Mapping[str, str]) -> Listing:
    """List all images; see `list_coded`."""
    return list_coded(folder, "KDEF", _NAME, "AF01ANS.JPG", columns)
