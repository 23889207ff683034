"""What is measured on the sets of a run: rows per image, checks, faces to show.

Everything is predicted from the stored images. Not here: figures
(`evaluation/figures/score_run.py`).
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from attacks.registry import ATTACKS
from attacks.sets.contents import UNKNOWN, AdversarialSet, CorruptedSet, TransferSet
from attacks.sets.store import open_set
from attacks.threat_model import Norm
from datasets.base.machine_errors import is_of_machine
from datasets.faceset import FaceSet
from evaluation.checks.contract import contract_checks, labels_in
from evaluation.checks.declared_output import declared_output_checks
from evaluation.checks.iterative_attack import iterative_checks
from evaluation.checks.model import model_checks
from evaluation.checks.own_gradients import gradient_checks
from evaluation.checks.probes import can_probe, probe_attack
from evaluation.checks.rules import Check, failed_check
from evaluation.checks.set import set_checks
from evaluation.checks.training_mode import training_mode_checks
from evaluation.config import RunConfig
from evaluation.engines.engine import Engine, LostCellError
from evaluation.engines.fulfil import fulfil
from evaluation.engines.orders import ProbeOrder
from evaluation.known_answers import KnownAnswers
from evaluation.listener import Listener, is_result
from evaluation.results.row_parts import RowParts
from evaluation.results.select import headline_eps
from evaluation.results.transfer_rows import TransferRows
from evaluation.stages import gallery
from evaluation.stages.black_boxes import black_box_checks
from evaluation.stages.clean_answers import CleanAnswers
from evaluation.stages.explanation_shift import Explanations, explain
from evaluation.stages.failures import Failures
from evaluation.stages.jobs import Job
from evaluation.stages.logits_cache import LogitsCache
from evaluation.stages.per_image import attacked_rows, clean_rows, corrupted_rows
from evaluation.stages.residence import Residence
from evaluation.stages.sets import Outcome
from evaluation.stages.transfer_matrix import transfer_rows
from evaluation.tier_attacks import is_black_box
from fer_models.classifier import Classifier, label_set_of
from fer_models.services.classifier import service_of


class AttackedModel(NamedTuple):
    """A model under one attack.

    Attributes:
        classifier: the model.
        job: name and rows of the set.
        folder: where the set is; of many faces it is too large to be kept in memory.
        part: number of its rows, see `RowParts`.
        broken: faces classified correctly before the attack but not at the headline eps.
    """

    classifier: Classifier
    job: Job
    folder: Path
    part: int
    broken: int

    def open(self) -> AdversarialSet:
        """Read the set."""
        made = open_set(self.folder)
        assert isinstance(made, AdversarialSet)
        return made


SharedSet = CorruptedSet | TransferSet
"""A set that all models classify."""


def _cell(classifier: Classifier, made: SharedSet) -> tuple[str, ...]:
    return classifier.id, made.header.source, made.header.key


def _classifies(classifier: Classifier, made: SharedSet) -> bool:
    """Whether a model classifies a set; without all classes it would be scored on other faces."""
    return isinstance(made, CorruptedSet) or classifier.scheme.is_whole


def _worth(attacked: AttackedModel) -> tuple[bool, int]:
    """How much its probe would tell; that of an ensemble costs as much as all of its parts."""
    return not ATTACKS[attacked.job.spec.perturbation].by_answers, attacked.broken


def _tells_its_search_apart(made: AdversarialSet) -> bool:
    """Whether an ensemble searched, and says which images only its search broke.

    Under l1 it has no search, so that there is nothing to compare gradients with (R7).
    """
    attack = ATTACKS[made.spec.perturbation]
    searches = attack.needs_gradients and attack.by_answers and made.spec.norm is not Norm.L1
    return searches and not bool((made.by_answers == UNKNOWN).any())


def _broken(made: AdversarialSet) -> int:
    eps = headline_eps(made.spec.grid, made.spec.norm)
    return int(((made.smallest_eps > 0) & (made.smallest_eps <= eps)).sum())


class Measurements:
    """Measurements of the models of a run, set by set.

    A model that fails on a set loses the figures of that set (R24).

    Args:
        faces: N faces.
        clean: the models and their logits for the clean faces.
        cache: their logits of images that all models classify.
        failures: collects the models that fail on a set.
        listener: receives the progress.
        rows: receives the rows of all images.
        transfers: receives the rows of the transfer matrix.
        residence: told of each model that was used.
        engine: classifies images and probes attacks; None for this process.

    Attributes:
        checks: rows of `checks.parquet`.
        by_answers: see `AnsweredOnly` in `evaluation/checks/suite.py`.
    """

    def __init__(
        self,
        faces: FaceSet,
        clean: CleanAnswers,
        cache: LogitsCache,
        failures: Failures,
        listener: Listener,
        rows: RowParts,
        transfers: TransferRows,
        residence: Residence,
        engine: Engine | None = None,
    ) -> None:
        self._faces, self._clean, self._cache = faces, clean, cache
        self._failures, self._listener, self._rows = failures, listener, rows
        self._transfers, self._residence, self._engine = transfers, residence, engine
        for c in clean.classifiers:
            rows.add(clean_rows(faces, c, clean.logits[c.id]))
        self.checks: list[Check] = []
        self.by_answers: dict[tuple[str, str], set[int]] = {}
        self._strongest: dict[str, AttackedModel] = {}
        self._probed: dict[str, AttackedModel] = {}
        self._explanations: dict[str, Explanations] = {}
        self._repeatable: set[str] = set()
        self._known: KnownAnswers | None = None
        self._lost: dict[tuple[str, ...], str] = {}

    def check_models(self, config: RunConfig) -> None:
        """Make the checks of each model that need no attack."""
        images, logits = self._clean.images, self._clean.logits
        for classifier in self._clean.classifiers:
            try:
                labels, answers = labels_in(classifier.scheme, self._faces), logits[classifier.id]
                found = model_checks(classifier, images, answers, labels)
                self.checks += found
                if not any(e["rule"] == "R11" and e["status"] != "ok" for e in found):
                    self._repeatable.add(classifier.id)
                self.checks += training_mode_checks(classifier, images)
                self.checks += declared_output_checks(classifier, answers)
                groups = self._faces.groups
                self.checks += contract_checks(classifier, images, answers, labels, groups)
            except Exception as error:  # R24: a model that worked once and now fails
                if is_of_machine(error):
                    raise
                self.checks.append(failed_check(classifier, "R11", "same answer twice", error))
            if classifier.id in self._repeatable:
                self.checks += gradient_checks(classifier, images, config)
            self.checks += black_box_checks(classifier, config, len(images))
            self.checks += iterative_checks(classifier, config)
            self._residence.used(classifier)

    def answer_by_model(self, outcomes: Iterable[Outcome]) -> None:
        """Cache the logits of sets that all models classify, one model after another.

        `add` goes set by set, and finds them: so no model has to be ready more than once. It also
        meets again what a model fails with here, and records it.
        """
        sets = [made for each in outcomes if isinstance(made := each.made, SharedSet)]
        if self._engine is not None:
            self._answer_elsewhere(sets, self._engine)
        for classifier in self._clean.classifiers:
            for made in sets:
                if not _classifies(classifier, made):
                    continue
                try:
                    self._logits(classifier, made)
                except Exception as error:  # R24: see above
                    if not is_result(error):
                        raise
            self._residence.used(classifier)

    def _answer_elsewhere(self, sets: Sequence[SharedSet], engine: Engine) -> None:
        """Have an engine classify the sets with the models that it has."""
        orders = {
            _cell(classifier, made): self._cache.order(classifier, made)
            for classifier in self._clean.classifiers
            for made in sets
            if classifier.id in engine.models and _classifies(classifier, made)
        }
        fulfil([*orders.values()], engine, self._listener)
        self._lost |= {key: lost for key, order in orders.items() if (lost := order.died)}

    def _logits(self, classifier: Classifier, made: SharedSet) -> np.ndarray:
        """Logits of a set; what killed workers is not tried in this process."""
        if lost := self._lost.get(_cell(classifier, made)):
            raise LostCellError(lost)
        return self._cache.logits(classifier, made)

    def add(self, outcome: Outcome) -> None:
        """Predict again from a set: an attack's set with its own model, any other with all models.

        An outcome without a set adds nothing.
        """
        job, made = outcome.job, outcome.made
        if isinstance(made, AdversarialSet) and job.classifier:
            with self._failures.kept(job.classifier, outcome.record()):
                self._add_attacked(job.classifier, outcome, made)
            return
        if not isinstance(made, SharedSet):
            return
        part, entry = self._faces.take(job.rows), outcome.record()
        for c in self._clean.classifiers:
            if not _classifies(c, made):
                continue
            with self._failures.kept(c, entry):
                clean, logits = self._clean.logits[c.id][job.rows], self._logits(c, made)
                if isinstance(made, CorruptedSet):
                    self._rows.add(corrupted_rows(part, c, clean, made, logits))
                else:
                    self._transfers.add(transfer_rows(made, part, c, clean, logits))

    def _add_attacked(self, classifier: Classifier, outcome: Outcome, made: AdversarialSet) -> None:
        job = outcome.job
        logits = self._clean.logits[classifier.id][job.rows]
        answering = self._answering(classifier)
        rows = attacked_rows(self._faces.take(job.rows), answering, logits, made)
        number = self._rows.add(rows)
        self.checks += set_checks(answering, made, rows, self._clean.images.take(job.rows))
        if _tells_its_search_apart(made):
            alone = self.by_answers.setdefault((classifier.id, made.spec.attacked_labels), set())
            alone.update(made.row_ids[made.by_answers > 0].tolist())
        if made.spec.attacked_labels != label_set_of(classifier):
            return  # the gallery shows a model under the labels it was trained on
        assert outcome.folder is not None
        attacked = AttackedModel(classifier, job, outcome.folder, number, _broken(made))
        before = self._strongest.get(classifier.id)
        if attacked.broken >= (before.broken if before else 1):
            self._strongest[classifier.id] = attacked
        probed, gradients = self._probed.get(classifier.id), not is_black_box(classifier)
        if gradients and can_probe(made) and (probed is None or _worth(attacked) > _worth(probed)):
            # even if nothing breaks: are gradients misleading?
            self._probed[classifier.id] = attacked

    def _answering(self, classifier: Classifier) -> Classifier:
        """The classifier with what it answered to the images of its sets so far.

        A random one has to answer each time; a service keeps its answers itself. Those of one model
        are in memory: its sets follow each other.
        """
        if classifier.id not in self._repeatable or service_of(classifier):
            return classifier
        if self._known is None or self._known.inner is not classifier:
            self._known = KnownAnswers(classifier)
        return self._known

    def probe_strongest(self) -> None:
        """Run the strongest gradient attack on each model again, on a few faces."""
        ordered = self._probe_elsewhere(self._engine) if self._engine else {}
        for model, attacked in self._probed.items():
            job, order = attacked.job, ordered.get(model)
            self._listener.line(f"{job.name}: checked again on a few faces")
            if order is not None:
                self.checks += order.checks()
                continue
            clean = self._clean.images.take(job.rows)
            self.checks += probe_attack(attacked.classifier, attacked.open(), clean)
            self._residence.used(attacked.classifier)

    def _probe_elsewhere(self, engine: Engine) -> dict[str, ProbeOrder]:
        """Have an engine probe the models that it has; its orders by model."""
        orders = {
            model: ProbeOrder(
                name=attacked.job.name,
                model=model,
                weights_sha256=attacked.classifier.weights_sha256,
                classifier=attacked.classifier,
                open=attacked.open,
                rows=attacked.job.rows,
            )
            for model, attacked in self._probed.items()
            if model in engine.models
        }
        fulfil([*orders.values()], engine, self._listener)
        return orders

    def explain_strongest(self) -> None:
        """Explain the strongest attack on each model, and add the shift of its maps to its rows."""
        for attacked in self._strongest.values():
            classifier, made = attacked.classifier, attacked.open()
            clean = self._clean.images.take(attacked.job.rows[made.image_rows])
            rows = self._rows.part(attacked.part)
            shown = gallery.shown_images(made, rows)
            try:
                maps = explain(classifier, clean, made.images, shown)
            except Exception as error:  # a foreign net may have an unexpected structure
                if not is_result(error):
                    raise
                self._listener.line(f"{classifier.id}: no Grad-CAM, {type(error).__name__}")
                continue
            finally:
                self._residence.used(classifier)
            if maps is not None:
                rows.loc[rows.index[made.image_rows], "cam_shift"] = maps.shifts
                self._rows.replace(attacked.part, rows)
                self._explanations[classifier.id] = maps

    def gallery(self) -> dict[str, np.ndarray]:
        """Return the arrays of `gallery.npz`: faces that the strongest attack on each model breaks.

        Maps are shown for models that `explain_strongest` could explain.
        """
        parts = []
        for attacked in self._strongest.values():
            classifier, rows = attacked.classifier, self._rows.part(attacked.part)
            clean = self._clean.images.take(attacked.job.rows)
            maps = self._explanations.get(classifier.id)
            parts.append(gallery.examples(classifier, attacked.open(), clean, rows, maps))
            self._residence.used(classifier)
        return gallery.join(parts, self._clean.images.shape[1:])
