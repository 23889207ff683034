"""What the configuration of a Hugging Face folder says of a contract.

Reads `config.json` (classes) and `preprocessor_config.json` (size, resampling, scaling). Needs no
framework; `fer_models/pytorch/hugging_face.py` compares this reading with the folder's own
preprocessor.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasets.base.errors import InputError, words_of
from datasets.labels import LabelScheme
from fer_models.contract import Resampling
from fer_models.foreign.names import contract_path
from fer_models.hub.hugging_face import CONFIG, PREPROCESSOR, folder_of

_RESAMPLING = {
    0: Resampling.NEAREST,
    1: Resampling.LANCZOS_ANTIALIAS,
    2: Resampling.BILINEAR_ANTIALIAS,
    3: Resampling.BICUBIC_ANTIALIAS,
}
"""By PIL's codes, which the files hold."""
_BY_EDGE = ("CLIP", "ConvNext")
"""How names of preprocessors begin to whom a size that is one number is that of the shorter side;
to others it is that of both."""
_SCALING = {"low": 0.0, "high": 1.0, "mean": 0.0, "std": 1.0}
"""Fields that make one scaling, and what each is where nothing says it."""


def said_by_folder(name: str, with_classes: bool = True) -> dict[str, Any]:
    """Fields of a contract that the folder's two files give, as `PartialContract` has them.

    Without a preprocessor: classes, and the size that the net was built for. Without classes where
    a contract file names them.

    Raises:
        InputError: a file is damaged, says nothing of the classes, or asks for what no contract
            can say.
    """
    folder = folder_of(name)
    config = _read(folder / CONFIG)
    channels = config.get("num_channels", 3)
    if channels not in (1, 3):
        raise InputError(
            f"{folder / CONFIG}: `num_channels` must be 1 or 3; got {channels!r}. Name another "
            "model."
        )
    said: dict[str, Any] = {"channels": channels, "output": "logits"}
    if with_classes:
        said["classes"] = _classes(name, folder, config)
    if (folder / PREPROCESSOR).is_file():
        return said | _preprocessing(name, folder / PREPROCESSOR, channels)
    side = config.get("image_size")
    sides = side if isinstance(side, list) and len(side) == 2 else [side, side]
    if all(isinstance(each, int) for each in sides):
        said |= {"height": sides[0], "width": sides[1]}
    return said | {"resampling": Resampling.BILINEAR_ANTIALIAS}


def with_contract_file(name: str, said: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """What the folder's files say, and the contract file beside it where both say something.

    Args:
        name: the folder, or `hf:owner/name`.
        said: by the folder's files, as fields of a contract.
        own: by the contract file, likewise.

    Raises:
        InputError: the file changes a part of the scaling, or the size, and the folder's files say
            the rest of it, which then means something else.
    """
    if "crop_share" in own:
        said = {field: value for field, value in said.items() if field != "crop_from"}
    scales = bool(own.keys() & _SCALING.keys())
    rest = [f for f in _SCALING if scales and f not in own and _differs(f, said)]
    resizes = any(f in own and own[f] != said.get(f) for f in ("height", "width"))
    if resizes and "crop_from" in said and "crop_from" not in own:
        rest.append("crop_from")
    if rest:
        taken = ", ".join(f"{field} {said[field]}" for field in rest)
        raise InputError(
            f"{contract_path(name)}: must say size, or scaling, as a whole; {PREPROCESSOR} of the "
            f"folder says the rest: {taken}. Write {' and '.join(rest)} too."
        )
    return said | own


def _differs(field: str, said: Mapping[str, Any]) -> bool:
    """Whether a field of scaling is said, and is not what it is without being said."""
    values = said.get(field, _SCALING[field])
    return set(values if isinstance(values, tuple) else [values]) != {_SCALING[field]}


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
        if not isinstance(found, dict):
            raise ValueError("it holds no dictionary")
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"{path}: expected the JSON that Hugging Face saves; {words_of(error)}. Save it again "
            "with save_pretrained."
        ) from error
    return found


def _classes(name: str, folder: Path, config: Mapping[str, Any]) -> list[str]:
    named = config.get("id2label")
    try:
        names = {int(place): str(name) for place, name in dict(named or {}).items()}
    except (TypeError, ValueError):
        names = {}
    if len(names) < 2 or sorted(names) != list(range(len(names))):
        raise InputError(
            f"{folder / CONFIG}: `id2label` must name the classes by 0, 1, 2, ...; got "
            f"{str(named)[:80]}. Correct it, or write `classes` in {contract_path(name)}."
        )
    classes = tuple(names[place] for place in range(len(names)))
    if len(set(classes)) == len(classes) and LabelScheme("model", classes).label_set is not None:
        return list(classes)
    raise InputError(
        f"{folder / CONFIG}: `id2label` must name emotions of faces, such as happy or sadness; got "
        f"{', '.join(classes)[:160]}. Name another model, or write `classes` in "
        f"{contract_path(name)}."
    )


def _preprocessing(name: str, path: Path, channels: int) -> dict[str, Any]:
    read = _read(path)
    try:
        return {**_geometry(read), **_scaling(read, channels)}
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        lacks = isinstance(error, KeyError)
        words = f"it lacks `{error.args[0]}`" if lacks else words_of(error)
        raise InputError(
            f"{path}: expected size, resampling and scaling of an image classifier; {words}. Write "
            f"them in {contract_path(name)}, and remove this file."
        ) from error


def _geometry(read: Mapping[str, Any]) -> dict[str, Any]:
    """Size, resampling and crop."""
    size = read.get("size") if read.get("do_resize", True) else None
    crop = _sides(read["crop_size"]) if read.get("do_center_crop") else None
    if size is None:
        raise ValueError("`do_resize` is off, so images of any size would be fed")
    if read.get("do_pad"):
        raise ValueError("`do_pad` is on, which no contract can say")
    fields: dict[str, Any] = {"resampling": _resampling(read["resample"])}
    fields["eight_bit_resize"] = True
    edge = _edge(read, size)
    sides = (edge, edge) if edge else _sides(size)
    share = read.get("crop_pct")
    if share and edge and edge < 384:  # ConvNeXT: enlarged by the share, then cropped
        crop, sides = sides, (int(edge / share), int(edge / share))
    height, width = crop or sides
    fields |= {"height": height, "width": width}
    if crop:
        fields["crop_from"] = sides
    if edge and not (share and edge >= 384):
        fields |= {"keep_aspect": True, "crop_from": sides}
    return fields


def _edge(read: Mapping[str, Any], size: Any) -> Any:
    """The shorter side that images are resized to; None where both are given."""
    if isinstance(size, Mapping):
        return size.get("shortest_edge")
    kind = str(read.get("image_processor_type") or read.get("feature_extractor_type"))
    return size if kind.startswith(_BY_EDGE) else None


def _resampling(code: Any) -> Resampling:
    if code not in _RESAMPLING:
        known = ", ".join(f"{number} ({kind})" for number, kind in _RESAMPLING.items())
        raise ValueError(f"`resample` must be one of {known}; got {code!r}")
    return _RESAMPLING[code]


def _sides(size: Any) -> tuple[int, int]:
    """Height and width of an entry such as 224, {"height": 224, "width": 224}."""
    if isinstance(size, int):
        return size, size
    if isinstance(size, Mapping) and "shortest_edge" in size:
        return int(size["shortest_edge"]), int(size["shortest_edge"])
    return int(size["height"]), int(size["width"])


def _scaling(read: Mapping[str, Any], channels: int) -> dict[str, Any]:
    """Values of black and white, mean and deviation."""
    rescales = read.get("do_rescale", True)
    factor = _numbers("rescale_factor", read.get("rescale_factor", 1 / 255)) if rescales else (1,)
    high = 255 * factor[0]
    low = 0.0
    if rescales and read.get("rescale_offset"):  # EfficientNet
        low, high = -1.0, high - 1.0
    fields: dict[str, Any] = {"low": low, "high": round(high, 6)}
    if read.get("do_normalize", True):
        mean, std = (_numbers(name, read[name]) for name in ("image_mean", "image_std"))
        fields |= {"mean": _fitting(mean, channels), "std": _fitting(std, channels)}
    return fields


def _numbers(name: str, values: Any) -> tuple[float, ...]:
    """One or several numbers of an entry."""
    found = values if isinstance(values, list) else [values]
    if not found or not all(isinstance(value, int | float) for value in found):
        raise ValueError(f"`{name}` must be numbers; got {str(values)[:80]!r}")
    return tuple(map(float, found))


def _fitting(values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    """One value where all are equal, which fits any number of channels."""
    return values[:1] if len(set(values)) == 1 and channels == 1 else values
