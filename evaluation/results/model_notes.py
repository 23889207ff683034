"""Notes that a report adds to a model's figures, in words, from the models of `manifest.json`.

Faces that are left out, answers that are wrong for every face, what is done to the input, how a
service was asked.
"""

from collections.abc import Mapping
from typing import Any

LABEL_SETS = {"fer": "FER", "ferplus": "FER+"}
"""What label sets are called where they are not named after the data."""

_STEPS = {
    "bgr": "channels reversed",
    "equalise": "histogram equalised (attacks use a straight-through gradient)",
    "standardise": "each image standardised",
}
_SENT = {
    "png": "PNG",
    "multipart": "PNG in a form",
    "base64": "PNG in JSON",
    "pixels": "nested lists in JSON",
}


def class_notes(
    models: Mapping[str, Mapping[str, Any]], names: Mapping[str, str] | None = None
) -> list[str]:
    """One sentence or two for each model whose classes are not those of the labels.

    Args:
        models: `models` of a manifest; those of older runs have no such notes.
        names: names of label sets that are called after the data.
    """
    names = LABEL_SETS | dict(names or {})
    notes = []
    for model, entry in models.items():
        parts = [
            *(
                _left_out(names.get(labels, labels), lacking)
                for labels, lacking in (entry.get("faces_left_out") or {}).items()
            ),
            *(
                _wrong(names.get(labels, labels), extra)
                for labels, extra in (entry.get("counted_as_wrong") or {}).items()
            ),
        ]
        if entry.get("faces_left_out"):
            ranks = (
                "; ranks compare models on the faces of both"
                if entry.get("ranked")
                else ", and it takes no rank"
            )
            parts.append(
                "So its figures are over other faces than those of models that know all classes"
                f"{ranks}."
            )
        if parts:
            notes.append(f"{model}: {' '.join(parts)}")
    return notes


def _left_out(labels: str, lacking: Mapping[str, int]) -> str:
    found = [f"{count:,} {name}" for name, count in lacking.items()]
    number = sum(lacking.values())
    faces, verb = ("face", "is") if number == 1 else ("faces", "are")
    return (
        f"It does not know {_listed(list(lacking))}: {number:,} {faces} with such {labels} labels "
        f"{verb} left out of its figures ({', '.join(found)})."
    )


def _wrong(labels: str, names: list[str]) -> str:
    return f"{labels} has no {_listed(names, 'or')}: such answers count as wrong."


def input_notes(models: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """One sentence for each foreign model but services: how its input is made of a face.

    Args:
        models: as for `class_notes`.
    """
    found = {m: entry.get("input") for m, entry in models.items() if not entry.get("service")}
    return [f"{model}: {_input(entry)}." for model, entry in found.items() if entry]


def _input(entry: Mapping[str, Any]) -> str:
    height, width, channels = entry["height"], entry["width"], entry["channels"]
    size = f"{height}x{width} pixels, {'grey' if channels == 1 else 'RGB'}"
    way = str(entry["resampling"]).replace("_", ", ")
    if entry.get("eight_bit_resize"):
        way += ", rounded to 8 bits, which gradients ignore"
    parts = [f"faces of another size are resized ({way}) to {size}"]
    if entry["resized"]:
        before = "x".join(map(str, entry["resized"]))
        parts = [f"faces are resized ({way}) to {before} and centre-cropped to {size}"]
    parts += [_STEPS.get(step, step) for step in entry["steps"]]
    parts.append(f"black is {entry['low']:g}, white {entry['high']:g}")
    if (entry["mean"], entry["std"]) != ([0.0], [1.0]):
        mean, std = (", ".join(f"{value:g}" for value in entry[name]) for name in ("mean", "std"))
        parts.append(f"minus {mean}, divided by {std}")
    return "; ".join(parts)


def service_notes(models: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """One paragraph for each model that is an HTTP service: what it was sent, and how often.

    Args:
        models: as for `class_notes`.
    """
    found = {model: entry.get("service") for model, entry in models.items()}
    return [f"{model}: {_service(entry)}" for model, entry in found.items() if entry]


def _service(entry: Mapping[str, Any]) -> str:
    queries = entry["queries"]
    told = {"label": "a label and no scores", "logits": "logits"}
    budget = f" of a budget of {entry['budget']:,}" if entry["budget"] else ""
    repeated = queries["retried"]
    height, width, channels = entry["image"]
    words = (
        f"an HTTP service, {entry['url']}. Every image, {height}x{width} pixels, "
        f"{'grey' if channels == 1 else 'RGB'}, was rounded to 8 bits and sent as "
        f"{_SENT.get(entry['sent_as'], entry['sent_as'])}; it answers "
        f"{told.get(entry['answers'], 'probabilities')}. Asked about {queries['asked']:,} images"
        f"{budget}; for {queries['from_cache']:,} others the answer to the same image was reused; "
        f"{repeated:,} {'request was' if repeated == 1 else 'requests were'} sent again."
    )
    if entry["answers"] == "label":
        words += " Without scores there is no confidence, so calibration is not measured."
    return words


def _listed(names: list[str], word: str = "and") -> str:
    return f" {word} ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
