"""The main entries of the manifest, and all of it as text."""

import json
from collections.abc import Sequence

from evaluation.results.run import FinishedRun
from reports.words.text import (
    count,
    eps_text,
    faces_text,
    label_set_name,
    norm_name,
    parse_eps,
    seconds,
)


def facts(run: FinishedRun) -> list[tuple[str, str]]:
    """The main entries of the manifest: names and values."""
    manifest, data, config = run.manifest, run.manifest["data"], run.manifest["config"]
    labelled = [
        f"{label_set_name(name)} {count(number)}" for name, number in data["labelled"].items()
    ]
    norm = config.get("norm", "linf")
    grid = [eps_text(parse_eps(eps), norm) for eps in config.get("eps", [])]
    near = data.get("near_leaked")
    memory = manifest.get("peak_memory_mb")
    found = [
        ("Command", manifest.get("command", "")),
        ("Started", manifest.get("started", "")),
        ("Took", seconds(float(manifest.get("seconds") or 0))),
        ("Peak memory", f"{count(float(memory))}\u202fMB" if memory else ""),
        ("Deadpan", manifest.get("deadpan_version", "")),
        ("Tier", str(config.get("tier", ""))),
        ("Seed", str(config.get("seed", ""))),
        ("Eps", f"{', '.join(grid)} ({norm_name(norm)})" if grid else ""),
        ("Data", f"{data['name']}, {data['split']}, {faces_text(data)}"),
        ("Size of a face", _size(data.get("size", ()))),
        ("Prepared", "; ".join(data.get("notes", ()))),
        ("Labelled", ", ".join(labelled)),
        ("Also in Training", "" if data.get("leaked") is None else count(data["leaked"])),
        ("Photograph in Training", "" if near is None else f"{count(near)}, also as another crop"),
        ("Data sha256", data.get("sha256", "")),
    ]
    return [(name, value) for name, value in found if value]


def _size(shape: Sequence[int]) -> str:
    """Height, width and colours of the stored faces; empty in older runs."""
    if not shape:
        return ""
    height, width, channels = shape
    return f"{height}\N{MULTIPLICATION SIGN}{width} pixels, {'grey' if channels == 1 else 'colour'}"


def manifest_text(run: FinishedRun) -> str:
    """The whole manifest as indented JSON."""
    return json.dumps(run.manifest, indent=2, ensure_ascii=False)
