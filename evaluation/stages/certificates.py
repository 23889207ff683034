"""Certificates of a model on disk: made in chunks of faces, reused when a killed run is resumed.

Writes `certificates/MODEL-smoothSIGMA-KEY/` of a run, in the format of `attacks/sets/store.py`.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from attacks.base import Keys
from attacks.sets.contents import SetHeader
from attacks.sets.spec import CorruptionSpec
from attacks.sets.store import (
    MANIFEST,
    Told,
    intact_chunk,
    read_chunk,
    read_header,
    write_chunk,
    write_header,
)
from attacks.threat_model import Norm
from datasets.base.errors import InputError
from datasets.faceset import FaceSet
from evaluation.config import Certification, RunConfig, smoothing_name
from evaluation.listener import Listener, is_result, one_line
from evaluation.stages.certification import Certificates, certify
from evaluation.stages.clean_answers import CleanAnswers
from evaluation.stages.per_image import certified_rows
from fer_models.classifier import Classifier


class Made(NamedTuple):
    """Certificates, the seconds they took, and the numbers of all and of reused chunks."""

    certificates: Certificates
    seconds: float
    chunks: int
    reused_chunks: int


def certify_models(
    config: RunConfig,
    faces: FaceSet,
    clean: CleanAnswers,
    out: Path,
    listener: Listener,
) -> Iterator[tuple[dict[str, Any], pd.DataFrame | None]]:
    """Yield an entry of the manifest and rows of `per_image` for every model and sigma.

    Args:
        config: configuration of the run; without certification nothing is yielded.
        faces: faces of the run.
        clean: the models and their logits for the clean faces.
        out: run folder.
        listener: receives chunks, and a line of text for each model and sigma.
    """
    if config.certification is None:
        return
    settings = config.certification
    part = faces.take(np.arange(min(len(faces), settings.limit or len(faces))))
    for classifier, sigma in product(clean.classifiers, settings.sigmas):
        name = f"{classifier.id} {smoothing_name(sigma)}"
        entry: dict[str, Any] = {
            "perturbation": smoothing_name(sigma),
            "norm": str(Norm.L2),
            "grid": [sigma],
            "options": _options(settings),
            "attacked_labels": "",
            "model": classifier.id,
            "status": "ok",
            "message": "",
        }
        chunk = partial(listener.chunk, name)
        folder = out / "certificates"
        try:
            made = make_certificates(
                classifier, part, settings, sigma, config.seed, folder, chunk, listener.line
            )
        except Exception as error:  # R24: a model that fails on noise gets no certificates
            if not is_result(error):
                raise
            message = one_line(error)
            listener.line(f"{name}: failed, {message}")
            yield {**entry, "status": "error", "message": message}, None
            continue
        held = int((made.certificates.radius > 0).sum())
        listener.line(f"{name}: {held} of {len(part)} certified")
        answers = len(part) * (settings.selection + settings.samples)
        entry |= {"seconds": round(made.seconds, 3), "forward": answers, "backward": 0}
        entry |= {"chunks": made.chunks, "reused_chunks": made.reused_chunks}
        logits = clean.logits[classifier.id][: len(part)]
        yield entry, certified_rows(part, classifier, logits, made.certificates, sigma)


def _options(settings: Certification) -> dict[str, Any]:
    return settings.model_dump(mode="json", exclude={"sigmas", "limit"})


def make_certificates(
    classifier: Classifier,
    faces: FaceSet,
    settings: Certification,
    sigma: float,
    seed: int,
    folder: Path,
    on_chunk: Callable[[int, int], object],
    on_damage: Told,
) -> Made:
    """Certify every face; finished chunks on disk are reused, damaged ones are made again.

    Args:
        classifier: any model.
        faces: the faces to certify.
        settings: numbers of noisy copies, and error probability.
        sigma: standard deviation of the noise.
        seed: random seed of the run.
        folder: folder of the certificates of all models.
        on_chunk: called with (chunks done, all chunks) after each chunk.
        on_damage: called with a line of text for each damaged chunk.

    Raises:
        InputError: a chunk on disk belongs to another set.
    """
    options = _options(settings)
    spec = CorruptionSpec(
        perturbation=smoothing_name(sigma), grid=(sigma,), options=options, seed=seed
    )
    identity = f"{spec.key(faces.sha256)}+{classifier.weights_sha256}"
    key = hashlib.sha256(identity.encode()).hexdigest()
    shape, scheme = faces.images.shape[1:], classifier.scheme
    header = SetHeader(key, spec, classifier.id, scheme.classes, faces.sha256, len(faces), shape)
    directory = folder / f"{Path(classifier.id).name}-{spec.perturbation}-{key[:8]}"
    if not (directory / MANIFEST).exists():
        directory.mkdir(parents=True, exist_ok=True)
        write_header(directory, header)
    elif read_header(directory).key != key:
        raise InputError(
            f"{directory}: holds other certificates. Delete it, or name another --out."
        )
    chunks, reused = [], 0
    for index, rows in enumerate(header.chunks):
        found = intact_chunk(directory, index, header, on_damage=on_damage)
        if found is not None:
            reused += 1
        else:
            start = time.perf_counter()
            images = faces.images[rows].astype(np.float32) / 255
            keys = Keys(seed, faces.row_ids[rows])
            certified = certify(classifier, images, keys, sigma=sigma, **options)
            seconds = np.array(time.perf_counter() - start)
            write_chunk(directory, index, key, {**certified._asdict(), "seconds": seconds})
            found = read_chunk(directory, index, header)
        chunks.append(found)
        on_chunk(index + 1, len(header.chunks))
    joined = Certificates(
        *(np.concatenate([chunk[name] for chunk in chunks]) for name in Certificates._fields)
    )
    total = float(sum(chunk["seconds"] for chunk in chunks))
    return Made(joined, total, len(chunks), reused)
