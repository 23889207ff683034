"""List images in folders by split and class: `train/happy/17.png`."""

from collections.abc import Mapping
from pathlib import Path

from datasets.base.errors import InputError
from datasets.emotion_names import emotion_of
from datasets.faceset import Split
from datasets.image_files import is_image
from datasets.readers.listing import SPLIT_OF, Listed, Listing, check_none_left

_LAYOUT = f"at <split>/<class>/NAME.png, .jpg or .bmp, the split one of {', '.join(SPLIT_OF)}"


def split_folders(folder: Path) -> dict[Path, Split]:
    """Return the subfolders that are named after a split.

    Raises:
        InputError: two of them are named after the same split.
    """
    found: dict[Path, Split] = {}
    for path in sorted(folder.iterdir()):
        split = SPLIT_OF.get(path.name.lower())
        if split is None or not path.is_dir():
            continue
        if split in found.values():
            other = next(name for name, known in found.items() if known is split)
            raise InputError(
                f"{folder}: expected one folder per split, found {other.name} and {path.name}, "
                f"both of which mean {split}. Merge them or move one away."
            )
        found[path] = split
    return found


def has_class_folders(folder: Path) -> bool:
    """Whether a folder contains `<split>/<class>/`."""
    return any(
        entry.is_dir() and emotion_of(entry.name) is not None
        for path in split_folders(folder)
        for entry in path.iterdir()
    )


def finds(path: Path) -> bool:
    """Whether a path is a folder with a folder named after a split."""
    return path.is_dir() and bool(split_folders(path))


def list_faces(folder: Path, columns: Mapping[str, str]) -> Listing:
    """List all images below the splits.

    Args:
        folder: contains `<split>/<class>/NAME.png` (or `.jpg`, `.bmp`, ...).
        columns: not used, as there is no table.

    Raises:
        InputError: no images, or an image that would be left out.
    """
    del columns
    faces: list[Listed] = []
    declared: dict[str, str] = {}
    for path, split in split_folders(folder).items():
        for class_folder in sorted(entry for entry in path.iterdir() if entry.is_dir()):
            declared.setdefault(class_folder.name, str(class_folder))
            faces += [
                Listed(image, class_folder.name, split)
                for image in sorted(class_folder.iterdir())
                if is_image(image)
            ]
    check_none_left(folder, {face.path for face in faces}, _LAYOUT)
    if not faces:
        raise InputError(f"{folder}: expected <split>/<class>/*.png or *.jpg, found no image.")
    return Listing(folder.resolve().name, faces, declared, by_file=True)
