"""Checks that faces and weights are complete: the data a run would read, shipped classifiers."""

import json
from collections import Counter
from pathlib import Path

from datasets.archives import csv_md5
from datasets.base.errors import InputError
from datasets.base.hashes import file_sha256
from datasets.default_data import data_or_default
from datasets.faceset import Split
from datasets.published import MD5, ROWS
from datasets.read import open_source
from datasets.sample.faces import WORD, read_sample
from datasets.source import Source
from evaluation.doctor.finding import Finding, State
from fer_models.cards import CARDS, WEIGHTS, read_card
from fer_models.recipe import MeanRecipe

_FETCH = "python -m datasets.fetch"


def check_data() -> list[Finding]:
    """Check the faces that `python -m evaluation.run` would read now, and the embedded sample."""
    return [_faces(), _sample()]


def _faces() -> Finding:
    try:
        path = data_or_default(None)
        if str(path) == WORD:
            what = "no FER2013 in $DEADPAN_DATA or ./data; runs use the embedded sample"
            return Finding(State.NOTE, "data", what, _FETCH)
        source = open_source(path)
    except InputError as error:
        return Finding(State.WRONG, "data", str(error), _FETCH)
    rows = Counter(source.split_of.tolist())
    counts = ", ".join(f"{split} {rows[split]:,}" for split in source.splits)
    votes = "" if source.votes is None else f", FER+ {'votes' if source.tagged else 'labels'}"
    what = f"{source.path}: {counts}{votes}{_completeness(source, rows)}"
    if source.votes is None:
        return Finding(State.NOTE, "data", f"{what}, no FER+ votes", _FETCH)
    return Finding(State.OK, "data", what)


def _completeness(source: Source, rows: Counter[str]) -> str:
    """Say whether the data are the published file or have fewer rows."""
    path = Path(source.path)
    if path.is_file() and path.name in MD5:
        whole = csv_md5(path) == MD5[path.name]
        return "; the published file" if whole else "; not the published file, by its md5"
    missing = [split for split in ROWS if rows[split] < ROWS[split] and Split.TEST not in rows]
    return f"; fewer rows than published in {', '.join(missing)}" if missing else ""


def _sample() -> Finding:
    try:
        faces = read_sample()
    except InputError as error:
        return Finding(State.WRONG, "sample", str(error), "pip install -e . in a complete checkout")
    return Finding(State.OK, "sample", f"{len(faces)} generated faces")


def check_weights() -> list[Finding]:
    """Compare each shipped weights file with the sha256 in its card; one line if all are intact."""
    expected = {
        WEIGHTS / f"{card.id}.npz": card.weights_sha256
        for card in (read_card(path) for path in sorted(CARDS.glob("*.json")))
        if not isinstance(card.recipe, MeanRecipe)  # has no file of its own
    }
    for facts in sorted(WEIGHTS.glob("*.json")):
        expected[facts.with_suffix(".npz")] = json.loads(facts.read_text())["sha256"]
    wrong = [finding for path, sha256 in expected.items() if (finding := _damage(path, sha256))]
    if wrong:
        return wrong
    return [Finding(State.OK, "weights", f"{len(expected)} of {len(expected)} files intact")]


def _damage(path: Path, sha256: str) -> Finding | None:
    fix = f"restore it: git checkout -- {path.name}, or install again"
    if not path.is_file():
        return Finding(State.WRONG, "weights", f"{path} is missing", fix)
    found = file_sha256(path)
    if found == sha256:
        return None
    what = f"{path}: expected sha256 {sha256[:12]}..., found {found[:12]}..."
    return Finding(State.WRONG, "weights", what, fix)
