"""The contents of a run's `manifest.json`: how it was started, its data, models, sets and machine.

Read back by `evaluation/results/manifest.py`.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from attacks.sets.spec import CODE_VERSION
from datasets.faceset import FaceSet, Split
from datasets.labels import SCHEMES
from datasets.sample.faces import NOTICE
from evaluation.config import RunConfig
from evaluation.environment import Start, environment, peak_memory_mb
from evaluation.tier_attacks import is_black_box
from fer_models.classifier import Classifier
from fer_models.contract import Contract
from fer_models.net_classifier import NetClassifier
from fer_models.services.classifier import service_of
from fer_models.wrapped_classifier import innermost
from fer_models.zoo import Description


def manifest_of(
    start: Start,
    config: RunConfig,
    faces: FaceSet,
    classifiers: Sequence[Classifier],
    known: Sequence[Description],
    perturbations: list[dict[str, Any]],
    private_test: bool = False,
) -> dict[str, Any]:
    """Return the manifest of a run that has been measured.

    Args:
        start: when and how it was started.
        config: what was measured.
        faces: the data, already limited.
        classifiers: one per model of the configuration, in its order.
        known: what was known of each before it was loaded.
        perturbations: entries of all sets, see `evaluation/stages/pipeline.py`.
        private_test: whether the data contain PrivateTest.
    """
    return {
        "deadpan_version": environment().get("deadpan", "unknown"),
        "code_version": CODE_VERSION,
        "started": start.time.isoformat(timespec="seconds"),
        "command": start.command,
        "config": config.to_json(),
        "data": _data_entry(faces) | {"private_test_available": private_test},
        "models": {
            classifier.id: _model_entry(classifier, model, description)
            | _notes(classifier, description, config, faces)
            for classifier, model, description in zip(
                classifiers, config.models, known, strict=True
            )
        },
        "perturbations": perturbations,
        "environment": environment(),
        "seconds": start.seconds_ago(),
        "stages": start.stages.seconds,
        "peak_memory_mb": peak_memory_mb(),
    }


def _notes(
    classifier: Classifier, known: Description, config: RunConfig, faces: FaceSet
) -> dict[str, Any]:
    """What `evaluation/results/model_notes.py` words.

    Of foreign models, and of any model on data that lack its own label set.
    """
    scheme, sets = classifier.scheme, [name for name in config.labels if name in faces.label_sets]
    at_home = scheme.label_set in sets
    if known.card is not None and at_home:
        return {}
    left_out = {
        str(name): {
            lacking: int((faces.labels(name).values == SCHEMES[name].classes.index(lacking)).sum())
            for lacking in scheme.lacks(name)
        }
        for name in sets
        if not (scheme.is_whole and at_home) and scheme.lacks(name)
    }
    wrong = {str(name): list(scheme.beyond(name)) for name in sets}
    return {
        "faces_left_out": left_out,
        "ranked": scheme.is_whole,
        "counted_as_wrong": {name: names for name, names in wrong.items() if names},
        "input": None if known.card else _input_entry(classifier),
    }


def _input_entry(classifier: Classifier) -> dict[str, Any] | None:
    """The fields of the contract behind all defences; None for a model without one."""
    contract = getattr(innermost(classifier), "contract", None)
    if not isinstance(contract, Contract):
        return None
    fields: dict[str, Any] = json.loads(json.dumps(asdict(contract)))
    del fields["scheme"]
    return fields


def _data_entry(faces: FaceSet) -> dict[str, Any]:
    generated = faces.split is Split.SAMPLE
    return {
        "name": faces.name,
        "split": faces.split,
        "sha256": faces.sha256,
        "rows": len(faces),
        "groups": len(set(faces.groups.tolist())),
        "size": list(faces.images.shape[1:]),
        "notes": list(faces.notes),
        "label_names": faces.label_names,
        "leaked": None if faces.leaked is None else int(faces.leaked.sum()),
        "near_leaked": None if faces.near_leaked is None else int(faces.near_leaked.sum()),
        "generated": generated,
        "notice": NOTICE if generated else "",
        "labelled": {name: int(faces.labels(name).present.sum()) for name in faces.label_sets},
    }


def _model_entry(classifier: Classifier, model: str, known: Description) -> dict[str, Any]:
    parameters = known.card.parameters if known.card else None
    if known.card is None and isinstance(classifier, NetClassifier):
        parameters = classifier.count_parameters()
    return {
        "given_as": model,
        "architecture": known.architecture,
        "label_set": known.label_set,
        "classes": list(classifier.scheme.classes),
        "parameters": parameters,
        "black_box": is_black_box(classifier),
        "service": service.facts() if (service := service_of(classifier)) else None,
        "no_gradients": classifier.no_gradients,
        "weights_sha256": classifier.weights_sha256,
        "card": known.card.model_dump(mode="json") if known.card else None,
    }
