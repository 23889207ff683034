"""The card of a folder of attacked images: what they are, how they were made, how to load them.

`README.md` with a YAML head, as Hugging Face's data set cards have. It holds no time and no path,
so the same set gets the same card.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from attacks.sets.eight_bits import EightBitCopies
from attacks.sets.forms.form import Form
from attacks.sets.forms.rows import USUAL_SPLIT
from attacks.sets.spec import CODE_VERSION
from attacks.threat_model import format_eps
from datasets.faceset import Split

_FILES = {
    Form.IMAGEFOLDER: "{split}/**",
    Form.PARQUET: "data/{split}-*.parquet",
    Form.WEBDATASET: "data/{split}-*.tar",
}
_LOADING = {
    Form.IMAGEFOLDER: """from datasets import load_dataset  # Hugging Face's

faces = load_dataset("imagefolder", data_dir="FOLDER", split="{split}")

import keras

faces = keras.utils.image_dataset_from_directory("FOLDER/{split}", color_mode="{mode}",
                                                 image_size={size}, shuffle=False)""",
    Form.PARQUET: """from datasets import load_dataset  # Hugging Face's

faces = load_dataset("parquet", data_dir="FOLDER/data", split="{split}")""",
    Form.WEBDATASET: """import webdataset

faces = webdataset.WebDataset("FOLDER/data/{split}-{shards}.tar", shardshuffle=False)
faces = faces.decode("pil").to_tuple("png", "cls", "json")""",
}


@dataclass(frozen=True)
class Origin:
    """Where attacked images come from, beyond their set.

    Attributes:
        model: name of the attacked model.
        weights_sha256: its identity.
        faces: name of the data.
        split: split of the data.
        versions: packages and their versions.
    """

    model: str
    weights_sha256: str
    faces: str
    split: Split
    versions: Mapping[str, Any]


def card_of(copies: EightBitCopies, origin: Origin, form: Form, shards: int) -> str:
    """Return the card as Markdown.

    Args:
        copies: the images at one eps.
        origin: model, faces, versions.
        form: form of the files.
        shards: number of files that hold the images.
    """
    spec, split = copies.made.spec, USUAL_SPLIT[origin.split]
    eps, count = format_eps(copies.eps), len(copies.images)
    title = f"{spec.perturbation} {spec.norm} {eps} on {origin.model}"
    head = {
        "pretty_name": f"Attacked faces: {title}",
        "license": "other",
        "license_name": "terms-of-the-faces",
        "task_categories": ["image-classification"],
        "tags": ["adversarial-examples", "robustness", "facial-expression-recognition"],
        "size_categories": [_size(count)],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": _FILES[form].format(split=split)}],
            }
        ],
    }
    height, width, channels = copies.images.shape[1:]
    loading = _LOADING[form].format(
        split=split,
        size=(height, width),
        mode="grayscale" if channels == 1 else "rgb",
        shards=f"{{000000..{shards - 1:06d}}}" if shards > 1 else "000000",
    )
    facts = "\n".join(f"| {name} | {_cell(value)} |" for name, value in _facts(copies, origin))
    parts = [
        f"---\n{_yaml(head)}---",
        f"# Attacked faces: {title}",
        f"{count:,} faces of {origin.faces}, {origin.split}, as the attack leaves them at eps {eps}"
        f" ({spec.norm}): attacked where it breaks the model, clean otherwise. Images have 8 bits, "
        "rounded within eps of the clean face, and were classified again after rounding.",
        f"| | |\n|---|---|\n{facts}",
        _COLUMNS,
        f"## Load\n\n```python\n{loading}\n```",
        f"## Terms of the faces\n\n{_terms(origin)}",
    ]
    return "\n\n".join(parts) + "\n"


_COLUMNS = """Columns: `wrong_float32` says whether the model misclassifies the attacked float32 \
image, `wrong_8bit` whether it
misclassifies the stored one; `attacked` whether the stored image differs from the clean face; \
`smallest_eps` the
smallest eps of the attack's grid that breaks the face (0: wrong without attack, empty: robust on \
the whole grid);
`distance_8bit` the distance of the stored image from the clean face in the attack's norm; `row` \
the row of the face
in the data, `file` its file there (if it is one), `split` its exact split."""


def _facts(copies: EightBitCopies, origin: Origin) -> list[tuple[str, str]]:
    made, right = copies.made, copies.right_when_clean
    spec, header, count = made.spec, made.header, int(right.sum())
    options = ", ".join(f"{name} {value}" for name, value in spec.options.items())
    sources = ", ".join(PurePath(source).name for source in header.source.split(","))
    float32, eight_bits = ((right & wrong).sum() for wrong in (copies.wrong_in_float, copies.wrong))
    facts = [
        ("model", f"{origin.model}, sha256 {origin.weights_sha256}"),
        ("made on", sources if sources != origin.model else ""),
        ("attack", spec.perturbation + f" ({options})" * bool(options)),
        ("norm, eps", f"{spec.norm}, {format_eps(copies.eps)}"),
        ("eps grid of the attack", ", ".join(map(format_eps, spec.grid))),
        ("attacked labels", f"{spec.attacked_labels}: {', '.join(header.classes)}"),
        ("random seed", str(spec.seed)),
        ("faces", f"{len(copies.images):,}, sha256 {header.faces_sha256}"),
        ("classified correctly without attack", f"{count:,}"),
        ("of these broken, float32 images", f"{float32:,}"),
        ("of these broken, 8-bit images (these files)", f"{eight_bits:,}"),
        ("precision of gradients", header.precision),
        ("made with", ", ".join(f"{name} {value}" for name, value in origin.versions.items())),
        ("code version of attacks", str(CODE_VERSION)),
        ("key of the set", header.key),
    ]
    return [(name, value) for name, value in facts if value]


def _terms(origin: Origin) -> str:
    if origin.split is Split.SAMPLE:
        return (
            "The faces are generated and belong to no real person. A figure measured on them says "
            "nothing about real faces."
        )
    return (
        f"These are photographs of {origin.faces}, changed a little. The terms of that data set "
        "apply to them; Deadpan adds none and lifts none. FER2013's terms apply to faces of "
        "FER2013, which may not be redistributed: keep such a folder to yourself."
    )


def _size(count: int) -> str:
    """Number of images, as Hugging Face writes it."""
    for limit, words in ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K")):
        if count < limit:
            return words
    return "100K<n<1M"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("_", "\\_")


def _yaml(values: Mapping[str, Any]) -> str:
    """YAML of one line per value, in JSON, which YAML contains."""
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in values.items())
