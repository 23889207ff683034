"""Attack the model that ranks first on every face, where other models are attacked on a part.

Some attacks of a tier are limited to the first faces of a run, because they are slow. The model at
the top of a ranking must not owe its place to that, so these attacks get all of its faces.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from attacks.sets.spec import AttackSpec
from datasets.faceset import FaceSet
from evaluation.config import RunConfig
from evaluation.metrics.robustness import security_curve_areas
from evaluation.results.image_rows import ImageRows, Kind
from evaluation.results.select import headline_eps
from evaluation.stages.jobs import Job, plan
from evaluation.tier_attacks import is_black_box
from fer_models.classifier import Classifier, label_set_of


class Limited(NamedTuple):
    """A job on the first faces only, and the same job on all faces."""

    job: Job
    on_all_faces: Job


def set_apart(
    config: RunConfig, faces: FaceSet, classifiers: Sequence[Classifier], jobs: Sequence[Job]
) -> tuple[list[Job], list[Limited]]:
    """Separate the jobs of attacks with `all_faces_for_first` from the others.

    Args:
        config: configuration of the run.
        faces: faces of the run.
        classifiers: models of the run.
        jobs: all jobs, in order.
    """
    chosen = {attack.name for attack in config.attacks if attack.all_faces_for_first}
    if not chosen:
        return [*jobs], []
    attacks = tuple(
        attack.model_copy(update={"limit": None}) if attack.name in chosen else attack
        for attack in config.attacks
    )
    without_limit = config.model_copy(update={"attacks": attacks})
    whole = {_identity(job): job for job in plan(without_limit, faces, classifiers)}
    others, limited = [], []
    for job in jobs:
        if job.spec.perturbation in chosen and not job.transfer_set:
            on_all = replace(whole[_identity(job)], reduced=job.reduced)
            limited.append(Limited(job, on_all))
        else:
            others.append(job)
    return others, limited


def first_models(
    config: RunConfig, classifiers: Sequence[Classifier], images: ImageRows
) -> set[tuple[str, str]]:
    """Model and label set of each model that ranks first in what was measured so far.

    By the area under the security curve up to the headline eps, each model under its own labels.
    Black boxes, whose figures are upper bounds, and models that lack classes are left out.

    Args:
        config: configuration of the run.
        classifiers: models of the run.
        images: the run's rows of images so far.
    """
    top = headline_eps(config.eps, config.norm)
    grid = [eps for eps in config.eps if 0 < eps <= top]
    best: dict[str, tuple[float, str]] = {}
    for classifier in classifiers:
        labels = label_set_of(classifier)
        if not grid or is_black_box(classifier) or not classifier.scheme.is_whole:
            continue
        columns = ("row", "attacked_labels", "smallest_eps")
        own = images.pick(columns, model=classifier.id, kinds=[Kind.ATTACKED])
        own = own[own.attacked_labels == labels]
        if own.empty:
            continue
        smallest = own.smallest_eps.fillna(np.inf).groupby(own.row).min().to_numpy()
        area = float(security_curve_areas(smallest, eps_grid=grid).mean())
        if labels not in best or area > best[labels][0]:
            best[labels] = area, classifier.id
    return {(model, labels) for labels, (_, model) in best.items()}


def is_of(job: Job, chosen: set[tuple[str, str]]) -> bool:
    """Whether a job attacks one of these models under that label set."""
    if job.classifier is None or not isinstance(job.spec, AttackSpec):
        return False
    return (job.classifier.id, job.spec.attacked_labels) in chosen


def _identity(job: Job) -> tuple[str, str, str, bool]:
    model = job.classifier.id if job.classifier else ""
    labels = job.spec.attacked_labels if isinstance(job.spec, AttackSpec) else ""
    return model, labels, job.spec.perturbation, job.transfer_set
