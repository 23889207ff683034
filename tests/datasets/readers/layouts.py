"""The layouts that docs/data.md shows, and small trees of generated faces made from them."""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

DOCUMENT = Path(__file__).parents[3] / "docs" / "data.md"
_BLOCK = re.compile(r"^```layout (\w+)\n(.*?)^= (.*?)\n```$", re.MULTILINE | re.DOTALL)
SIDE = 24


class Layout(NamedTuple):
    """A block of the document: form, lines of files and contents, faces as split and emotion."""

    form: str
    lines: list[str]
    faces: list[tuple[str, str]]


def documented_layouts() -> list[Layout]:
    found = []
    for form, text, said in _BLOCK.findall(DOCUMENT.read_text()):
        faces = [tuple(face.split()) for face in said.split(", ")]
        found.append(Layout(form, text.splitlines(), faces))
    return found


def layout(form: str) -> Layout:
    """The first layout of a form."""
    return next(each for each in documented_layouts() if each.form == form)


def face(seed: int, side: int = SIDE, channels: int = 3) -> np.ndarray:
    """A blurred pattern, uint8 (side, side, channels)."""
    rough = np.random.default_rng(seed).integers(0, 256, (6, 6, channels), dtype=np.uint8)
    image = Image.fromarray(rough if channels == 3 else rough[..., 0])
    pixels = np.asarray(image.resize((side, side), Image.Resampling.BICUBIC))
    return pixels.reshape(side, side, channels)


def save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(path)
    return path


def build(lines: list[str], root: Path) -> Path:
    """Write the files of a layout; returns what `--data` takes, the csv of a list or the folder."""
    contents: dict[str, list[str]] = {}
    for line in lines:
        if line.startswith("    "):
            contents[list(contents)[-1]].append(line.strip())
        else:
            contents[line.strip()] = []
    for number, (name, rows) in enumerate(contents.items()):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".npy":
            np.save(path, np.array(rows[0]))
        elif rows:
            path.write_text("\n".join([*rows, ""]))
        else:
            save(path, face(number))
    return root / "faces.csv" if "faces.csv" in contents else root
