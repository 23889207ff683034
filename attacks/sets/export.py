"""Export of an adversarial set: 8-bit image files and a csv of flags."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from attacks.sets.eight_bits import EightBitCopies
from attacks.sets.forms.files import eps_folder
from attacks.threat_model import format_eps
from datasets.base.atomic import atomic, atomic_folder
from datasets.faceset import Split
from datasets.folders import write_folders
from datasets.labels import LabelScheme


def write_images(
    copies: EightBitCopies, scheme: LabelScheme, split: Split, directory: Path
) -> Path:
    """Write all faces at one eps as 8-bit images, `eps-4-255/SPLIT/CLASS/ROW.png`, or none.

    Args:
        copies: the images.
        scheme: the model's classes.
        split: split of the faces.
        directory: where the folder is written; the caller holds a lock on it.

    Returns:
        The folder.
    """
    made, folder = copies.made, directory / eps_folder(copies.eps)
    with atomic_folder(folder) as unfinished:
        write_folders(copies.images, made.labels, scheme, made.row_ids, split, unfinished)
    return folder


def write_flags(views: Sequence[EightBitCopies], path: Path) -> None:
    """Write a csv with one row per face: its file if it is one, label, smallest eps, and flags.

    Args:
        views: the same set at each eps of its grid, at least one.
        path: path of the csv.
    """
    made = views[0].made
    columns = {
        "row": made.row_ids,
        **({} if views[0].files is None else {"file": views[0].files}),
        "label": [made.header.classes[label] for label in made.labels],
        "smallest_eps": made.smallest_eps,
    }
    for copies in views:
        columns[f"wrong at {format_eps(copies.eps)}"] = copies.wrong_in_float
        columns[f"wrong at {format_eps(copies.eps)} after 8 bits"] = copies.wrong
    with atomic(path) as unfinished:
        pd.DataFrame(columns).to_csv(unfinished, index=False)
