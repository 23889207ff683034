"""What is measured on the sets of a run: rows per image, checks, faces to show.

Everything is predicted from the stored images. Not here: figures
(`evaluation/figures/score_run.py`).
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from attacks.sets.contents import AdversarialSet, CorruptedSet, TransferSet
from datasets.faceset import FaceSet
from evaluation.checks.contract import contract_checks
from evaluation.checks.declared_output import declared_output_checks
from evaluation.checks.model import model_checks
from evaluation.checks.probes import can_probe, probe_attack
from evaluation.checks.rules import Check, failed_check
from evaluation.checks.set import set_checks
from evaluation.checks.training_mode import training_mode_checks
from evaluation.config import RunConfig
from evaluation.listener import Listener
from evaluation.results.select import headline_eps
from evaluation.stages import gallery
from evaluation.stages.black_boxes import black_box_checks, is_black_box
from evaluation.stages.clean_answers import CleanAnswers
from evaluation.stages.explanation_shift import Explanations, explain
from evaluation.stages.failures import Failures
from evaluation.stages.jobs import Job
from evaluation.stages.logits_cache import LogitsCache
from evaluation.stages.per_image import attacked_rows, clean_rows, corrupted_rows
from evaluation.stages.sets import Outcome
from evaluation.stages.transfer_matrix import transfer_rows
from fer_models.classifier import Classifier, label_set_of


class AttackedModel(NamedTuple):
    """A model under one attack.

    Attributes:
        classifier: the model.
        job: name and rows of the set.
        made: the set.
        rows: the set's rows of `per_image.parquet`.
    """

    classifier: Classifier
    job: Job
    made: AdversarialSet
    rows: pd.DataFrame

    @property
    def broken(self) -> int:
        """Faces classified correctly before the attack but not at the headline eps."""
        eps = headline_eps(self.made.spec.grid, self.made.spec.norm)
        return int(((self.made.smallest_eps > 0) & (self.made.smallest_eps <= eps)).sum())


class Measurements:
    """Measurements of the models of a run, set by set.

    A model that fails on a set loses the figures of that set (R24).

    Args:
        faces: N faces.
        clean: the models and their logits for the clean faces.
        cache: their logits of images that all models classify.
        failures: collects the models that fail on a set.
        listener: receives the progress.

    Attributes:
        rows: parts of `per_image.parquet`, in order.
        transfers: parts of `transfer.parquet`, in order.
        checks: rows of `checks.parquet`.
    """

    def __init__(
        self,
        faces: FaceSet,
        clean: CleanAnswers,
        cache: LogitsCache,
        failures: Failures,
        listener: Listener,
    ) -> None:
        self._faces, self._clean, self._cache = faces, clean, cache
        self._failures, self._listener = failures, listener
        self.rows = [clean_rows(faces, c, clean.logits[c.id]) for c in clean.classifiers]
        self.transfers: list[pd.DataFrame] = []
        self.checks: list[Check] = []
        self._strongest: dict[str, AttackedModel] = {}
        self._probed: dict[str, AttackedModel] = {}
        self._explanations: dict[str, Explanations] = {}

    def check_models(self, config: RunConfig) -> None:
        """Make the checks of each model that need no attack."""
        images, logits = self._clean.images, self._clean.logits
        for classifier in self._clean.classifiers:
            try:
                self.checks += model_checks(classifier, images, logits[classifier.id])
                self.checks += training_mode_checks(classifier, images)
                self.checks += declared_output_checks(classifier, logits[classifier.id])
                self.checks += self._contract_checks(classifier)
            except Exception as error:  # R24: a model that worked once and now fails
                self.checks.append(failed_check(classifier, "R11", "same answer twice", error))
            self.checks += black_box_checks(classifier, config, len(images))

    def _contract_checks(self, classifier: Classifier) -> list[Check]:
        """R25, where the faces have labels under the model's classes."""
        label_set = label_set_of(classifier)
        if label_set not in self._faces.label_sets:
            return []
        labels = self._faces.labels(label_set).to(classifier.scheme).values
        logits = self._clean.logits[classifier.id]
        groups = self._faces.groups
        return contract_checks(classifier, self._clean.images, logits, labels, groups)

    def add(self, outcome: Outcome) -> None:
        """Predict again from a set: an attack's set with its own model, any other with all models.

        An outcome without a set adds nothing.
        """
        job, made = outcome.job, outcome.made
        if isinstance(made, AdversarialSet) and job.classifier:
            with self._failures.kept(job.classifier, outcome.record()):
                self._add_attacked(job.classifier, job, made)
            return
        if not isinstance(made, CorruptedSet | TransferSet):
            return
        part, entry = self._faces.take(job.rows), outcome.record()
        for c in self._clean.classifiers:
            if isinstance(made, TransferSet) and not c.scheme.is_whole:
                continue  # it would be scored on other faces than the rest of the matrix
            with self._failures.kept(c, entry):
                clean, logits = self._clean.logits[c.id][job.rows], self._cache.logits(c, made)
                if isinstance(made, CorruptedSet):
                    self.rows.append(corrupted_rows(part, c, clean, made, logits))
                else:
                    self.transfers.append(transfer_rows(made, part, c, clean, logits))

    def _add_attacked(self, classifier: Classifier, job: Job, made: AdversarialSet) -> None:
        logits = self._clean.logits[classifier.id][job.rows]
        rows = attacked_rows(self._faces.take(job.rows), classifier, logits, made)
        self.rows.append(rows)
        self.checks += set_checks(classifier, made, rows)
        if made.spec.attacked_labels != label_set_of(classifier):
            return  # the gallery shows a model under the labels it was trained on
        attacked = AttackedModel(classifier, job, made, rows)
        before = self._strongest.get(classifier.id)
        if attacked.broken >= (before.broken if before else 1):
            self._strongest[classifier.id] = attacked
        probed, gradients = self._probed.get(classifier.id), not is_black_box(classifier)
        if gradients and can_probe(made) and (probed is None or attacked.broken > probed.broken):
            self._probed[classifier.id] = (
                attacked  # even if nothing breaks: are gradients misleading?
            )

    def probe_strongest(self) -> None:
        """Run the strongest gradient attack on each model again, on a few faces."""
        for classifier, job, made, _ in self._probed.values():
            self._listener.line(f"{job.name}: checked again on a few faces")
            self.checks += probe_attack(classifier, made, self._clean.images[job.rows])

    def explain_strongest(self) -> None:
        """Explain the strongest attack on each model, and add the shift of its maps to its rows."""
        for classifier, job, made, rows in self._strongest.values():
            clean = self._clean.images[job.rows][made.image_rows]
            try:
                maps = explain(classifier, clean, made.images)
            except Exception as error:  # a foreign net may have an unexpected structure
                self._listener.line(f"{classifier.id}: no Grad-CAM, {type(error).__name__}")
                continue
            if maps is not None:
                rows.loc[rows.index[made.image_rows], "cam_shift"] = maps.shifts()
                self._explanations[classifier.id] = maps

    def gallery(self) -> dict[str, np.ndarray]:
        """Return the arrays of `gallery.npz`: faces that the strongest attack on each model breaks.

        Maps are shown for models that `explain_strongest` could explain.
        """
        parts = []
        for classifier, job, made, rows in self._strongest.values():
            clean, maps = self._clean.images[job.rows], self._explanations.get(classifier.id)
            parts.append(gallery.examples(classifier, made, clean, rows, maps))
        return gallery.join(parts, self._clean.images.shape[1:])
