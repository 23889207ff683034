"""Parse and write fer2013.csv and icml_face_data.csv: columns emotion, pixels, Usage in any order.

Not here: archives, the cache, FER+ votes (`datasets/ferplus.py`).

Source: Goodfellow et al. 2013, "Challenges in representation learning: A report on three machine
learning contests", arXiv 1307.0414.
"""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from datasets.base.atomic import atomic
from datasets.base.errors import InputError
from datasets.faceset import Split
from datasets.labels import FER7

SIDE = 48
"""Height and width of a FER2013 face."""

COLUMNS = ("emotion", "pixels", "Usage")
_PIXELS = SIDE * SIDE
_LABELS = {str(value): value for value in range(FER7.num_classes)}
_SPLITS = tuple(str(split) for split in Split)


class Faces(NamedTuple):
    """Every row of a source, in file order.

    Attributes:
        images: uint8 (N, H, W, C).
        fer: int64 (N,) FER labels.
        splits: str (N,), values of `Split`.
    """

    images: np.ndarray
    fer: np.ndarray
    splits: np.ndarray


def parse_csv(stream: BinaryIO, label: str, advance: Callable[[], object]) -> Faces:
    """Read faces, labels and splits from a csv.

    Args:
        stream: bytes of the csv, UTF-8, with or without BOM, any line ends, quoted or not.
        label: what to call the file in errors.
        advance: called every 256 rows, for a progress bar.

    Raises:
        InputError: names the first invalid row and what it holds.
    """
    pixels: list[bytes] = []
    labels: list[int] = []
    splits: list[str] = []
    for where, (emotion, text, usage) in csv_rows(stream, label, COLUMNS):
        if emotion not in _LABELS:
            raise InputError(
                f"{where}: expected a label from 0 to 6, found {short(emotion)}. Correct it."
            )
        if usage not in _SPLITS:
            raise InputError(
                f"{where}: expected Usage to be {', '.join(_SPLITS)}; found {short(usage)}. "
                "Correct it."
            )
        pixels.append(_parse_pixels(text, where))
        labels.append(_LABELS[emotion])
        splits.append(usage)
        if len(pixels) % 256 == 0:
            advance()
    return Faces(
        np.frombuffer(b"".join(pixels), dtype=np.uint8).reshape(-1, SIDE, SIDE, 1),
        np.array(labels, dtype=np.int64),
        np.array(splits),
    )


def csv_rows(
    stream: BinaryIO, label: str, columns: tuple[str, ...]
) -> Iterator[tuple[str, list[str]]]:
    """Yield "file: row R (line L)", for errors, and the named columns of each data row, stripped.

    Row numbers start at 0, as row ids do; blank lines are skipped and not counted.

    Raises:
        InputError: text that is not UTF-8, no header, columns not separated by commas, a missing
            column, no rows, or a row of another length.
    """
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    reader = csv.reader(text)
    row = -1
    try:
        header = [name.strip() for name in next(reader, [])]
        check_commas(header, label)
        places = [_place(name, header, label) for name in columns]
        for fields in reader:
            if len(fields) < 2 and not "".join(fields).strip():
                continue
            row += 1
            where = f"{label}: row {row} (line {reader.line_num})"
            if len(fields) != len(header):
                raise InputError(
                    f"{where}: expected {len(header)} columns ({', '.join(header)}), "
                    f"found {len(fields)}: the line is cut short or holds a stray comma or quote."
                )
            yield where, [fields[place].strip() for place in places]
    except UnicodeDecodeError as error:
        where = "before the first row" if row < 0 else f"after row {row}"
        raise InputError(
            f"{label}: {where}: expected UTF-8 text, found {error}. "
            "Use the csv or archive as published, or save it as UTF-8."
        ) from error
    except csv.Error as error:
        raise InputError(
            f"{label}: after row {row} (line {reader.line_num}): expected csv, found: {error}."
        ) from error
    finally:
        text.close()
    if row < 0:
        raise InputError(f"{label}: expected at least one row below the header, found none.")


def check_commas(header: list[str], label: str) -> None:
    """Refuse a table whose columns are separated by something else, as some spreadsheets write it.

    Raises:
        InputError: its header is one name, with semicolons or tabs in it.
    """
    if len(header) == 1 and any(sign in header[0] for sign in ";\t"):
        raise InputError(
            f"{label}: header: expected columns separated by commas, found {short(header[0])}. "
            "Save it as csv with commas."
        )


def write_csv(
    path: Path,
    images: np.ndarray,
    fer: np.ndarray,
    splits: np.ndarray,
    advance: Callable[[int, int], object],
) -> None:
    """Write faces in the format of fer2013.csv, atomically.

    Args:
        path: file to write.
        images: uint8 (N, 48, 48, 1).
        fer: int (N,) FER labels.
        splits: str (N,), values of `Split`.
        advance: called every 256 rows with the rows written and the total.
    """
    words = [str(value) for value in range(256)]
    with atomic(path) as unfinished, open(unfinished, "w", newline="") as file:
        file.write(",".join(COLUMNS) + "\n")
        for row, image in enumerate(images):
            pixels = " ".join(map(words.__getitem__, image.tobytes()))
            file.write(f"{fer[row]},{pixels},{splits[row]}\n")
            if row % 256 == 0:
                advance(row, len(images))


def _place(name: str, header: list[str], label: str) -> int:
    if not any(header):
        raise InputError(f"{label}: expected a csv with a header, found an empty file or line.")
    if name not in header:
        raise InputError(
            f"{label}: header: expected a column {name!r}, found {short(', '.join(header))}. "
            "Rename the column that holds it, or add one."
        )
    if header.count(name) > 1:
        raise InputError(
            f"{label}: header: expected one column {name!r}, found {header.count(name)} in "
            f"{short(', '.join(header))}. Remove the others."
        )
    return header.index(name)


def _parse_pixels(text: str, where: str) -> bytes:
    digits = text.encode()
    if digits.translate(None, b"0123456789 "):
        wrong = next(part for part in text.split(" ") if part and not part.encode().isdigit())
        raise InputError(
            f"{where}: expected whole pixels from 0 to 255, with spaces between them; found "
            f"{short(wrong)}. Save them so."
        )
    values = np.fromstring(digits, dtype=np.int64, sep=" ") if digits else np.empty(0, np.int64)
    if len(values) != _PIXELS:
        raise InputError(
            f"{where}: expected {_PIXELS:,} pixels (48x48), found {len(values):,}. Correct the "
            "row; faces of another size are read from image files."
        )
    if values.max() > 255:
        wrong = text.split()[values.argmax()]  # numpy reads longer numbers as 2^63 - 1
        raise InputError(
            f"{where}: expected pixels from 0 to 255, found {short(wrong)}. Correct it."
        )
    return values.astype(np.uint8).tobytes()


def short(text: str, limit: int = 60) -> str:
    """Quote a value for an error: control characters escaped, cut to `limit` characters."""
    return repr(text if len(text) <= limit else text[:limit] + "...")
