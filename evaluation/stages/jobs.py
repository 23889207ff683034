"""Which sets a run makes: every corruption, and every attack on each model under each label set.

Sets are only planned here; `evaluation/stages/sets.py` makes them.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from attacks.noise import Noise
from attacks.precision_trial import passes, try_reduced_precision
from attacks.registry import ATTACKS, attack_spec, corruption_spec
from attacks.sets.spec import AnySpec, AttackSpec
from attacks.threat_model import check_eps
from attacks.transfer import Transfer
from datasets.base.errors import InputError
from datasets.faceset import FaceSet
from datasets.image_source import UnitImages
from datasets.labels import NO_LABEL, LabelSet
from evaluation.config import RunConfig
from evaluation.listener import Listener, is_result, one_line
from evaluation.results.select import headline_eps
from evaluation.stages.residence import Residence
from evaluation.stages.transfer_matrix import surrogates
from evaluation.tier_attacks import attacks_on, is_black_box, knows
from fer_models.classifier import Classifier, DifferentiableClassifier, label_set_of


@dataclass(frozen=True, eq=False)
class Job:
    """One set to make: a perturbation, and for an attack the model and labels it attacks.

    Attributes:
        spec: what is done to the images.
        rows: int64 (N,), rows of the FaceSet in this set.
        classifier: attacked model; None for a corruption.
        labels: int64 (N,) in the model's classes; None for a corruption.
        sources: surrogates that supply the gradients, if a black box is attacked.
        transfer_set: whether all images are kept at full eps, to attack all other models.
        not_applicable: why this attack cannot be made on this model; empty if it can.
        reduced: the model in reduced precision, if the attack uses that; else None.
    """

    spec: AnySpec
    rows: np.ndarray
    classifier: Classifier | None = None
    labels: np.ndarray | None = None
    sources: tuple[DifferentiableClassifier, ...] = ()
    transfer_set: bool = False
    not_applicable: str = ""
    reduced: Classifier | None = None

    @property
    def name(self) -> str:
        """Name of the set's folder, also used in the log."""
        if self.classifier is None or not isinstance(self.spec, AttackSpec):
            return self.spec.perturbation
        model = Path(self.classifier.id).name
        name = f"{model}-{self.spec.attacked_labels}-{self.spec.perturbation}-{self.spec.norm}"
        return f"{name}-shown" if self.transfer_set else name

    def key(self, faces_sha256: str, weights_sha256: str | None) -> str:
        """Identity of the set.

        Args:
            faces_sha256: hash of the rows in this set.
            weights_sha256: hash of the attacked model; None for a corruption.
        """
        if not isinstance(self.spec, AttackSpec):
            return self.spec.key(faces_sha256)
        assert self.labels is not None and weights_sha256 is not None
        return self.spec.key(
            faces_sha256, self.labels, weights_sha256, transfer_set=self.transfer_set
        )

    @property
    def is_for_all(self) -> bool:
        """Whether all models classify its images, not only the attacked one."""
        return self.classifier is None or self.transfer_set

    @property
    def models(self) -> tuple[Classifier, ...]:
        """The models that make the set: the attacked one and its surrogates."""
        attacked = self.reduced or self.classifier
        return (*self.sources, attacked) if attacked else self.sources

    @property
    def may_reduce_precision(self) -> bool:
        """Whether its attack may use gradients in reduced precision, and its model gives any."""
        return (
            self.classifier is not None
            and not is_black_box(self.classifier)
            and ATTACKS[self.spec.perturbation].reduced_precision
        )


def plan(config: RunConfig, faces: FaceSet, classifiers: Sequence[Classifier]) -> list[Job]:
    """Plan all sets of a run: corruptions, attacks model by model, transfer sets.

    Raises:
        InputError: the data lack a label set, a model's classes cannot be scored by it, no attack
            is defined for the norm, or an eps is too large for the images.
    """
    attacks = [attack for attack in config.attacks if attack.name != Noise.name] or config.attacks
    if attacks and not any(knows(attack, config.norm) for attack in attacks):
        raise InputError(
            f"no attack of tier {config.tier} is defined for norm {config.norm}. Take another "
            "--norm, or --tier standard."
        )
    for eps in config.eps:
        check_eps(eps, config.norm, math.prod(faces.images.shape[1:]))
    jobs = [
        Job(corruption_spec(name, config.severities, seed=config.seed), np.arange(len(faces)))
        for name in config.corruptions
    ]
    for classifier in classifiers:
        label_set_of(classifier)  # refuses classes that no label set has
        for label_set in config.labels:
            if label_set not in faces.label_sets:
                votes = "Give --votes FILE, or leave" if label_set is LabelSet.FERPLUS else "Leave"
                raise InputError(
                    f"{faces.name} has no {label_set} labels. {votes} {label_set} out of --labels."
                )
            jobs += _attack_jobs(config, faces, label_set, classifier, classifiers)
    return [*jobs, *_transfer_set_jobs(config, faces, classifiers)]


def _attack_jobs(
    config: RunConfig,
    faces: FaceSet,
    label_set: LabelSet,
    classifier: Classifier,
    classifiers: Sequence[Classifier],
) -> Iterator[Job]:
    """Attacks on one model under one label set; a black box is also attacked by transfer."""
    values = faces.labels(label_set).to(classifier.scheme).values
    rows = np.flatnonzero(values != NO_LABEL)
    labels = values[rows]
    for attack in attacks_on(classifier, config):
        grid = config.grid_of(attack)
        spec = attack_spec(
            attack.name, config.norm, grid, label_set, seed=config.seed, **attack.options
        )
        few = slice(np.searchsorted(rows, attack.limit) if attack.limit else None)
        part = rows[few]  # a view: all attacks on all faces share rows and labels
        if not len(part):
            continue
        through = is_black_box(classifier) and ATTACKS[attack.name] is Transfer
        sources = tuple(surrogates(classifier, classifiers)) if through else ()
        why = "" if sources else ATTACKS[attack.name].lacks(classifier)
        yield Job(spec, part, classifier, labels[few], sources, not_applicable=why)


def _transfer_set_jobs(
    config: RunConfig, faces: FaceSet, classifiers: Sequence[Classifier]
) -> Iterator[Job]:
    """The transfer set of every model that gives gradients."""
    eps = headline_eps(config.eps, config.norm)
    if config.transfer is None or len(classifiers) < 2 or not eps:
        return
    name, options, limit = config.transfer.name, config.transfer.options, config.transfer.limit
    if not knows(config.transfer, config.norm):
        return
    for classifier in classifiers:
        if not classifier.scheme.is_whole:  # its images would be of other faces than the others'
            continue
        for label_set in () if is_black_box(classifier) else config.labels:
            labels = faces.labels(label_set).to(classifier.scheme).values
            rows = np.flatnonzero(labels[:limit] != NO_LABEL)
            spec = attack_spec(name, config.norm, (eps,), label_set, seed=config.seed, **options)
            if len(rows):
                yield Job(spec, rows, classifier, labels[rows], transfer_set=True)


def in_reduced_precision(
    jobs: list[Job], faces: FaceSet, listener: Listener, residence: Residence
) -> list[Job]:
    """Return the jobs, in reduced precision where a trial of the model shows that it suffices."""
    by_model: dict[str, list[Job]] = {}
    for job in jobs:
        if job.classifier and job.may_reduce_precision:
            by_model.setdefault(job.classifier.id, []).append(job)
    chosen: dict[str, Classifier] = {}
    for model, mine in by_model.items():
        first = mine[0]
        assert first.classifier is not None and first.labels is not None
        part = faces.take(first.rows)
        try:
            chosen[model], why = try_reduced_precision(
                first.classifier,
                UnitImages(part.images),
                first.labels,
                part.row_ids,
                [job.spec for job in mine if isinstance(job.spec, AttackSpec)],
                sum(passes(job.spec, len(job.rows)) for job in mine),
            )
        except Exception as error:  # R24: the model's attacks will report it
            if not is_result(error):
                raise
            chosen[model], why = first.classifier, f"the trial failed with {one_line(error)}"
        if why:
            listener.line(f"{model}: {chosen[model].precision}, {why}")
        residence.used(chosen[model])
    return [
        replace(job, reduced=chosen[job.classifier.id])
        if job.classifier and job.may_reduce_precision
        else job
        for job in jobs
    ]
