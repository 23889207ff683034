"""Repeat the attacks of a run with other random seeds, to see how much its figures vary.

Writes `seeds.parquet` of a run with `--seeds` above 1, and the sets beside its own in `sets/`. The
figures of the run stay those of its first seed; `evaluation/figures/seeds.py` adds the spread.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from attacks.precision import Precision
from attacks.sets.contents import AdversarialSet
from datasets.faceset import FaceSet
from evaluation.config import RunConfig
from evaluation.engines.engine import Engine
from evaluation.listener import Listener
from evaluation.results.files import write_table
from evaluation.results.schema import SEED_COLUMNS, SEEDS
from evaluation.stages.jobs import in_reduced_precision, plan
from evaluation.stages.residence import Residence
from evaluation.stages.sets import make_sets
from fer_models.classifier import Classifier


def repeat_attacks(
    config: RunConfig,
    faces: FaceSet,
    classifiers: Sequence[Classifier],
    out: Path,
    given: Mapping[str, Path],
    listener: Listener,
    residence: Residence,
    engine: Engine | None = None,
) -> None:
    """Attack again with the seeds after the run's own, and store each image's smallest eps.

    An attack that fails is reported to the listener and missing for its seed.

    Args:
        config: configuration of the run; nothing is done for one seed.
        faces: faces of the run.
        classifiers: the models that classified the clean faces.
        out: run folder.
        given: see `make_sets`.
        listener: receives chunks and finished sets.
        residence: told of the models that were used.
        engine: see `make_sets`.
    """
    if config.seeds == 1:
        return
    parts = []
    for seed in range(config.seed + 1, config.seed + config.seeds):
        listener.line(f"attacks again with seed {seed}")
        again = config.model_copy(update={"seed": seed, "corruptions": (), "transfer": None})
        jobs = plan(again, faces, classifiers)
        if config.precision is Precision.AUTO:
            jobs = in_reduced_precision(jobs, faces, listener, residence)
        made = make_sets(jobs, faces, out / "sets", given, listener, engine=engine)
        for outcome in residence.after(made, lambda outcome: outcome.job.models):
            if isinstance(outcome.made, AdversarialSet) and outcome.job.classifier:
                parts.append(_rows(outcome.job.classifier, outcome.made, seed))
    empty = pd.DataFrame(columns=list(SEED_COLUMNS)).astype(SEED_COLUMNS)
    rows = pd.concat([empty, *parts], ignore_index=True).astype(SEED_COLUMNS)
    write_table(rows, SEED_COLUMNS, out / SEEDS)


def _rows(classifier: Classifier, made: AdversarialSet, seed: int) -> pd.DataFrame:
    """One row per image of a set, columns of `SEED_COLUMNS`."""
    values = {
        "seed": seed,
        "row": made.row_ids,
        "model": classifier.id,
        "attacked_labels": made.spec.attacked_labels,
        "perturbation": made.spec.perturbation,
        "source": made.header.source,
        "norm": str(made.spec.norm),
        "smallest_eps": made.smallest_eps,
    }
    return pd.DataFrame(values, index=np.arange(len(made.row_ids)))[list(SEED_COLUMNS)]
