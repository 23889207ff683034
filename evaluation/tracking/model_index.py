"""A model card's `model-index`: task, data and figures with intervals, as Hugging Face reads them.

Figures come from a run, or from the card of a shipped classifier. Shares are in [0, 1]; the
arguments of a metric hold its 95 % interval, n and what else a reader must know of it.
"""

import math
import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from datasets.base.errors import InputError
from evaluation.comparing.boards import attack_texts
from evaluation.comparing.change_table import images_of
from evaluation.results.run import FinishedRun
from evaluation.results.schema import ALL_CORRUPTIONS, BEST_KNOWN, WORST_CASE
from evaluation.tracking.headline import headline_figures
from fer_models.cards import Card

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

_TASK = {"task_type": "image-classification", "task_name": "Facial expression classification"}
_TITLES = {
    "debiased_ece": "ECE (debiased)",
    "macro_f1": "Macro F1",
    "mce": "mCE",
    "nll": "NLL",
    "robust_accuracy_8bit": "Robust accuracy against 8-bit images",
}
_DIGITS = 6
NOISE = "accuracy_under_noise"
"""Type of a metric under random noise, lest it be taken for robust accuracy."""


def require_hub() -> None:
    """Refuse to go on without the client of Hugging Face, which writes and checks the YAML.

    Raises:
        InputError: it is not installed.
    """
    if find_spec("huggingface_hub") is None:
        raise InputError(
            "--format model-index needs huggingface-hub; found none. Install it: "
            'pip install -e ".[fetch]"'
        )


def index_of_run(run: FinishedRun, model: str) -> str:
    """Return the block of one model of a run, between lines of `---`.

    Raises:
        InputError: the run has no such model, or failed checks make all of its figures void.
    """
    if model not in run.models:
        raise InputError(f"--models must be one of {', '.join(run.models)}; got {model}.")
    rows, void = headline_figures(run, model)
    if rows.empty:
        why = "; ".join(f"{name}: {' and '.join(rules)} failed" for name, rules in void.items())
        raise InputError(
            f"{model} has no figure that can be published{f' ({why})' if why else ''}. "
            "See the reliability checks in the report of the run."
        )
    chosen = _selection((run.manifest["models"][model].get("card") or {}).get("selected_on", ""))
    results = [
        _result(
            run.manifest["data"],
            f"{run.label_name(row.label_set)} labels",
            NOISE if row.perturbation == "noise" else row.metric,
            _title(row),
            row.value,
            _interval(row) | {"n": row.n} | _remarks(run, row) | chosen,
        )
        for row in rows.itertuples()
        if math.isfinite(row.value)
    ]
    return _block(model, results)


def index_of_card(card: Card) -> str:
    """Return the block of a shipped classifier: its clean figures on PublicTest.

    Raises:
        InputError: it was not measured.
    """
    if card.measured is None:
        raise InputError(f"{card.id} has no figures in its card. Give a run: --run FOLDER.")
    data = {"name": "FER2013", "split": "PublicTest", "generated": False}
    results = []
    for subset, figures in (
        ("", card.measured.all),
        (", without faces that are also in Training", card.measured.without_leaks),
    ):
        interval = {"ci_low": figures.ci_low, "ci_high": figures.ci_high}
        faces = {"n": figures.n} | _selection(card.selected_on)
        labels = f"{card.label_set} labels{subset}"
        results += [
            _result(
                data, labels, "accuracy", "Accuracy, clean", figures.accuracy, interval | faces
            ),
            _result(data, labels, "macro_f1", "Macro F1, clean", figures.macro_f1, faces),
        ]
    return _block(card.id, results)


def _title(row: Any) -> str:
    """What a figure of a run is, for people: `Robust accuracy, worst case linf 4/255`."""
    if row.perturbation == "noise":
        return f"Accuracy under random {images_of(row)}"
    title = _TITLES.get(row.metric) or row.metric.replace("_", " ").capitalize()
    if row.metric == "median_smallest_eps":  # over the whole grid
        return f"{title}, worst case {row.norm}"
    return title if row.perturbation == ALL_CORRUPTIONS else f"{title}, {images_of(row)}"


def _selection(text: str) -> dict[str, Any]:
    """What was chosen on which faces, of a model that has a card: figures on these are too high."""
    return {"selected_on": text} if text else {}


def _interval(row: Any) -> dict[str, float]:
    """The bounds of a figure; empty where it has none."""
    return {} if math.isnan(row.ci_low) else {"ci_low": row.ci_low, "ci_high": row.ci_high}


def _remarks(run: FinishedRun, row: Any) -> dict[str, Any]:
    """What a reader must know of a figure: flag, attacks, baseline, that it is an upper bound."""
    found: dict[str, Any] = {} if row.status == "ok" else {"status": row.status}
    if row.metric == "mce":
        found["baseline"] = row.detail
    if row.perturbation in (WORST_CASE, BEST_KNOWN):
        found["attacks"] = ", ".join(_attacks(run, row.model, row.label_set))
        if row.model in run.black_boxes:
            found["upper_bound"] = True
    return found


def _attacks(run: FinishedRun, model: str, label_set: str) -> list[str]:
    """Attacks with their options, of those that gave a figure on this model."""
    results = run.results
    own = (results.model == model) & (results.attacked_labels == label_set)
    ran = set(results.perturbation[own & (results.metric == "robust_accuracy") & (results.n > 0)])
    return [text for text in attack_texts(run.config) if text.partition(" ")[0] in ran]


def _result(
    data: Mapping[str, Any], config: str, metric: str, name: str, value: float, args: dict[str, Any]
) -> "EvalResult":
    from huggingface_hub import EvalResult

    title = str(data["name"]) + (", faces of no real person" if data["generated"] else "")
    return EvalResult(
        **_TASK,
        dataset_type=re.sub(r"[^a-z0-9]+", "-", data["name"].lower()).strip("-") or "faces",
        dataset_name=title,
        dataset_config=config,
        dataset_split=str(data["split"]),
        dataset_args={"sha256": data["sha256"]} if "sha256" in data else None,
        metric_type=metric,
        metric_value=round(float(value), _DIGITS),
        metric_name=name,
        metric_args={key: _plain(item) for key, item in args.items() if _plain(item) is not None},
    )


def _plain(value: Any) -> str | int | float | None:
    """A number or text that YAML writes as such; None for what is not finite."""
    if isinstance(value, str | bool):
        return value
    number = float(value)
    if not math.isfinite(number):
        return None
    return int(number) if isinstance(value, int | np.integer) else round(number, _DIGITS)


def _block(model: str, results: "list[EvalResult]") -> str:
    from huggingface_hub import ModelCardData

    data = ModelCardData(model_name=model, eval_results=results)
    return f"---\n{data.to_yaml().rstrip()}\n---\n"
