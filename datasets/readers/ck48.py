"""List images in folders by class, without splits: CK+48, and any other set of that layout.

CK+48 has the last three frames of each sequence (`anger/S010_004_00000017.png`), so its faces are
not independent of each other.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from datasets.base.errors import InputError
from datasets.emotion_names import emotion_of
from datasets.faceset import Split
from datasets.image_files import is_image
from datasets.readers.listing import Listed, Listing, check_none_left
from datasets.readers.split_folders import split_folders

_LEAST_CLASSES = 2
_OF_CK = re.compile(r"S\d{3}_\d{3}_\d{8}")


def finds(path: Path) -> bool:
    """Whether a path is a folder with several folders named after emotions, and no splits."""
    if not path.is_dir() or split_folders(path):
        return False
    named = [entry for entry in path.iterdir() if entry.is_dir() and emotion_of(entry.name)]
    return len(named) >= _LEAST_CLASSES


def list_faces(folder: Path, columns: Mapping[str, str]) -> Listing:
    """List all images in the folders of the classes; all are of the split Test.

    Args:
        folder: contains `<class>/NAME.png`.
        columns: not used, as there is no table.

    Raises:
        InputError: no images, or an image that would be left out.
    """
    del columns
    faces: list[Listed] = []
    folders = [
        entry for entry in sorted(folder.iterdir()) if entry.is_dir() and entry.name[0] not in "._"
    ]
    for class_folder in folders:
        faces += [
            Listed(image, class_folder.name, Split.TEST)
            for image in sorted(class_folder.iterdir())
            if is_image(image)
        ]
    names = {entry.name.lower() for entry in folders}
    check_none_left(folder, {face.path for face in faces}, "at <class>/NAME.png", names)
    if not faces:
        raise InputError(f"{folder}: expected <class>/*.png or *.jpg, found no image.")
    of_ck = all(_OF_CK.fullmatch(face.path.stem) for face in faces)
    title = "CK+48" if of_ck else folder.resolve().name
    declared = {entry.name: str(entry) for entry in folders}
    return Listing(title, faces, declared, by_file=True)
