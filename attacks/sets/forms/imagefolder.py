"""Folders by class with `metadata.csv`, as Hugging Face's `imagefolder` and Keras read them.

    validation/metadata.csv          one row per image, `file_name` relative to it
    validation/happy/17.png

Keras reads the classes from the folders, Hugging Face the columns of the metadata, and
`--data` of our own commands too.
"""

from pathlib import Path

from attacks.sets.eight_bits import EightBitCopies
from attacks.sets.forms.rows import USUAL_SPLIT, rows_of
from datasets.faceset import Split
from datasets.folders import write_class_folders
from datasets.labels import LabelScheme


def write(copies: EightBitCopies, scheme: LabelScheme, split: Split, folder: Path) -> None:
    """Write all images and their metadata into an empty folder."""
    made, rows, place = copies.made, rows_of(copies, split), folder / USUAL_SPLIT[split]
    write_class_folders(copies.images, made.labels, scheme, made.row_ids, place)
    names = [f"{label}/{row}.png" for label, row in zip(rows["label"], rows["row"], strict=True)]
    rows.insert(0, "file_name", names)
    rows.to_csv(place / "metadata.csv", index=False, lineterminator="\n")
