"""What the sets of a run say of its models: lines of every image, checks, faces to show.

Everything is predicted from the stored images. Not here: figures (`evaluation/figures/write.py`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from attacks.sets.contents import AdversarialSet, CorruptedSet, TransferSet
from datasets.base.errors import InputError
from datasets.faceset import FaceSet
from evaluation.checks.model import model_checks
from evaluation.checks.probes import can_probe, probe_attack
from evaluation.checks.rules import Check, failed_check
from evaluation.checks.set import set_checks
from evaluation.config import RunConfig
from evaluation.listener import Listener, one_line
from evaluation.results.select import headline_eps
from evaluation.stages import gallery
from evaluation.stages.answers import Answers
from evaluation.stages.black_boxes import black_box_checks, is_black_box
from evaluation.stages.explanation_shift import explain
from evaluation.stages.jobs import Job
from evaluation.stages.per_image import attacked_lines, clean_lines, corrupted_lines
from evaluation.stages.sets import Outcome
from evaluation.stages.transfer_matrix import transfer_lines
from fer_models.classifier import Classifier

CLEAN: dict[str, Any] = {
    "perturbation": "none",
    "norm": "",
    "grid": [],
    "options": {},
    "attacked_labels": "",
}
"""What an entry of the manifest says of the clean faces."""


class AttackedModel(NamedTuple):
    """A model under one attack.

    Attributes:
        classifier: the model.
        job: name and rows of the set.
        made: the set.
        lines: its lines of `per_image.parquet`.
    """

    classifier: Classifier
    job: Job
    made: AdversarialSet
    lines: pd.DataFrame

    @property
    def broken(self) -> int:
        """Faces that were right before the attack and wrong after, at the eps of the verdict."""
        eps = headline_eps(self.made.spec.grid, self.made.spec.norm)
        return int(((self.made.smallest_eps > 0) & (self.made.smallest_eps <= eps)).sum())


class Measurements:
    """All that is measured of some models on some faces, from clean predictions on.

    A model that dies of the clean faces is left out of the rest of the run; one that dies of a set
    loses the figures of that set (R24).

    Args:
        faces: N faces.
        classifiers: in the order of the report.
        answers: theirs to the images that all models are shown.
        listener: told a line for each failure.

    Attributes:
        classifiers: those that answer for the clean faces, in the same order.
        failures: entries of the manifest's `perturbations`, what a model gave no answer for.
        images: float32 (N, H, W, C) in [0, 1], the clean faces.
        clean: their logits, float32 (N, K), by model id.
        lines: parts of `per_image.parquet`, in order.
        transfers: parts of `transfer.parquet`, in order.
        checks: rows of `checks.parquet`.

    Raises:
        InputError: no model answers.
    """

    def __init__(
        self,
        faces: FaceSet,
        classifiers: Sequence[Classifier],
        answers: Answers,
        listener: Listener,
    ) -> None:
        self._faces, self._answers, self._listener = faces, answers, listener
        self.images = faces.images.astype(np.float32) / 255
        self.failures: list[dict[str, Any]] = []
        self.clean: dict[str, np.ndarray] = {}
        for classifier in classifiers:
            with self._survived(classifier, CLEAN):
                self.clean[classifier.id] = classifier.logits(self.images)
        self.classifiers = [c for c in classifiers if c.id in self.clean]
        if not self.classifiers:
            found = "; ".join(f"{entry['model']}: {entry['message']}" for entry in self.failures)
            raise InputError(f"no model answers for the clean faces, so none is measured: {found}")
        self.lines = [clean_lines(faces, c, self.clean[c.id]) for c in self.classifiers]
        self.transfers: list[pd.DataFrame] = []
        self.checks: list[Check] = []
        self._strongest: dict[str, AttackedModel] = {}
        self._probed: dict[str, AttackedModel] = {}

    def check_models(self, config: RunConfig) -> None:
        """Check each model on its clean faces: what needs no attack."""
        for classifier in self.classifiers:
            try:
                self.checks += model_checks(classifier, self.images, self.clean[classifier.id])
            except Exception as error:  # R24: a model that answered once and now dies
                self.checks.append(failed_check(classifier, "R11", "same answer twice", error))
            self.checks += black_box_checks(classifier, config, len(self.images))

    def add(self, outcome: Outcome) -> None:
        """Predict again from a set: an attack's on its own model, any other on all models.

        An outcome without a set adds nothing.
        """
        job, made = outcome.job, outcome.made
        if isinstance(made, AdversarialSet) and job.classifier:
            with self._survived(job.classifier, outcome.record()):
                self._add_attacked(job.classifier, job, made)
            return
        if not isinstance(made, CorruptedSet | TransferSet):
            return
        part, entry = self._faces.take(job.rows), outcome.record()
        for c in self.classifiers:
            with self._survived(c, entry):
                clean, logits = self.clean[c.id][job.rows], self._answers.logits(c, made)
                if isinstance(made, CorruptedSet):
                    self.lines.append(corrupted_lines(part, c, clean, made, logits))
                else:
                    self.transfers.append(transfer_lines(made, part, c, clean, logits))

    @contextmanager
    def _survived(self, classifier: Classifier, entry: dict[str, Any]) -> Iterator[None]:
        """Make an error of the model a failure of that entry of the manifest."""
        try:
            yield
        except Exception as error:  # R24: whatever a model dies of is a result
            message = one_line(error)
            self._listener.line(f"{classifier.id}: failed on {entry['perturbation']}, {message}")
            failure = {name: entry[name] for name in CLEAN}
            failure |= {"model": classifier.id, "status": "error", "message": message}
            if entry.get("shown"):
                failure |= {"shown": True, "source": entry["model"]}
            self.failures.append(failure)

    def _add_attacked(self, classifier: Classifier, job: Job, made: AdversarialSet) -> None:
        logits = self.clean[classifier.id][job.rows]
        lines = attacked_lines(self._faces.take(job.rows), classifier, logits, made)
        self.lines.append(lines)
        self.checks += set_checks(classifier, made, lines)
        if made.spec.attacked_labels != classifier.scheme.name:
            return  # the gallery shows a model under the labels it was trained on
        attacked = AttackedModel(classifier, job, made, lines)
        before = self._strongest.get(classifier.id)
        if attacked.broken >= (before.broken if before else 1):
            self._strongest[classifier.id] = attacked
        probed, gradients = self._probed.get(classifier.id), not is_black_box(classifier)
        if gradients and can_probe(made) and (probed is None or attacked.broken > probed.broken):
            self._probed[classifier.id] = attacked  # also where it breaks nothing: is it blind?

    def probe_strongest(self) -> None:
        """Run the strongest attack by gradients on each model again on a few faces."""
        for classifier, job, made, _ in self._probed.values():
            self._listener.line(f"{job.name}: checked again on a few faces")
            self.checks += probe_attack(classifier, made, self.images[job.rows])

    def gallery(self) -> dict[str, np.ndarray]:
        """Arrays of `gallery.npz`: faces that the strongest attack on each model breaks.

        The lines of these attacks get how far the explanations moved.
        """
        parts = [self._explained(attacked) for attacked in self._strongest.values()]
        return gallery.join(parts, self.images.shape[1:])

    def _explained(self, attacked: AttackedModel) -> dict[str, np.ndarray]:
        classifier, job, made, lines = attacked
        clean = self.images[job.rows]
        try:
            maps = explain(classifier, clean[made.image_rows], made.images)
        except Exception as error:  # a foreign net may be built as no map expects: no figure of it
            self._listener.line(f"{classifier.id}: no Grad-CAM, {type(error).__name__}")
            maps = None
        if maps is not None:
            lines.loc[lines.index[made.image_rows], "cam_shift"] = maps.shifts()
        return gallery.examples(classifier, made, clean, lines, maps)
