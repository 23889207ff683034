"""Each check has a model on which it fires and one on which it does not."""

import re
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from attacks.threat_model import Norm
from datasets.labels import FER7, NO_LABEL
from evaluation.checks import rules
from evaluation.checks.model import model_checks
from evaluation.checks.rules import Check
from evaluation.checks.suite import suite_checks
from evaluation.comparing.boards import leaderboards
from evaluation.config import AttackSettings
from evaluation.figures.status import with_status
from evaluation.results.files import read_table
from evaluation.results.run import FinishedRun
from evaluation.results.schema import ANY_BATCH, CHECK_COLUMNS, RESULT_COLUMNS
from evaluation.results.select import headline
from evaluation.stages.pipeline import evaluate_run
from evaluation.summary_table import summary_table
from evaluation.text_table import FLAG_MEANS
from fer_models.contract import Contract
from fer_models.keras_classifier import KerasClassifier, wrap
from reports.sections.reliability import reliability
from reports.sections.verdict import verdicts
from tests.evaluation import tiny
from tests.evaluation.held_rows import HeldRows, rows

IMAGES = np.random.default_rng(0).random((40, 8, 8, 1), np.float32)
UNKNOWN = np.full(40, NO_LABEL)


def changed(layer: keras.layers.Layer) -> KerasClassifier:
    """The tiny model with one more layer behind its logits."""
    model = tiny.classifier().model
    outputs = layer(model.outputs[0])
    return wrap(keras.Model(model.inputs, outputs), Contract(8, 8, 1, FER7), model_id="changed")


def status(checks: list[Check], rule: str) -> str:
    found = {check["status"] for check in checks if check["rule"] == rule}
    return "ok" if found == {"ok"} else "flagged"


@pytest.mark.parametrize(
    ("rule", "layer"),
    [
        ("R10", keras.layers.Rescaling(1000.0)),
        ("R3", keras.layers.Rescaling(0.0)),
        ("R11", None),
    ],
)
def test_model_checks_fire_on_the_net_they_are_for(
    rule: str, layer: keras.layers.Layer | None
) -> None:
    good = tiny.classifier()
    assert status(model_checks(good, IMAGES, good.logits(IMAGES), UNKNOWN), rule) == "ok"
    bad = changed(layer) if layer else noisy()
    assert status(model_checks(bad, IMAGES, bad.logits(IMAGES), UNKNOWN), rule) == "flagged"


def noisy() -> KerasClassifier:
    """Its logits change from call to call."""

    class Noisy(KerasClassifier):
        def _batch_logits(self, images: np.ndarray) -> np.ndarray:
            logits = super()._batch_logits(images)
            return logits + np.random.default_rng().normal(0, 0.1, logits.shape).astype(np.float32)

    good = tiny.classifier()
    return Noisy(good.model, good.contract, "noisy", "0")


def test_masked_classes_hide_no_other_logits() -> None:
    """As shares of their range, differences would vanish beside a logit of -4e5."""

    def masked(images: np.ndarray) -> np.ndarray:
        logits = answers(images)
        logits[:, 3:] = -4e5
        return logits

    bad = noisy()
    answers, bad._batch_logits = bad._batch_logits, masked  # type: ignore[method-assign]
    assert status(model_checks(bad, IMAGES, bad.logits(IMAGES), UNKNOWN), "R11") == "flagged"


class MinusBatchMean(KerasClassifier):
    """What the images of a batch have in common is taken out of each."""

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        logits = super()._batch_logits(images)
        return logits - logits.mean(axis=0)


class ByPlace(KerasClassifier):
    """Every other image of a batch is answered more boldly."""

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        bold = np.where(np.arange(len(images)) % 2, 2, 1).astype(np.float32)
        return super()._batch_logits(images) * bold[:, None]


class ByLast(KerasClassifier):
    """The last image of a batch of more than one is answered otherwise."""

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        logits = super()._batch_logits(images)
        logits[-1] *= 2 if len(images) > 1 else 1
        return logits


class ByLatePlace(KerasClassifier):
    """Images behind the hundredth of a batch are answered otherwise."""

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        logits = super()._batch_logits(images)
        logits[100:] *= 2
        return logits


@pytest.mark.parametrize("kind", [MinusBatchMean, ByPlace, ByLast, ByLatePlace])
def test_an_answer_that_depends_on_the_batch_is_flagged(kind: type[KerasClassifier]) -> None:
    good, images = tiny.classifier(), np.tile(IMAGES, (4, 1, 1, 1))
    bad = kind(good.model, good.contract, "tiny", "0")
    checks = model_checks(bad, images, bad.logits(images), np.tile(UNKNOWN, 4))
    found = {check["check"]: check for check in checks}
    assert found["same answer twice"]["status"] == "ok"
    assert found[ANY_BATCH]["status"] == "flagged"
    assert "they depend on the images around it" in found[ANY_BATCH]["message"]


@pytest.mark.parametrize(
    ("rule", "broken", "expected"),
    [
        ("R5", {"fgsm": [0.1, np.nan], "pgd": [0.1, 0.1]}, "ok"),
        ("R5", {"fgsm": [np.nan, 0.1], "pgd": [0.1, np.nan]}, "flagged"),
        ("R8", {"noise": [np.nan, 0.1], "pgd": [0.1, 0.1]}, "ok"),
        ("R8", {"noise": [0.1, np.nan], "pgd": [np.nan, 0.1]}, "flagged"),
        ("R7", {"square": [np.nan, 0.1], "fgsm": [np.nan, 0.02], "pgd": [0.1, np.nan]}, "ok"),
        ("R7", {"square": [np.nan, 0.1], "pgd": [0.1, np.nan]}, "flagged"),
        ("R7", {"square": [np.nan, 0.1], "pgd": [0.1, 0.1], "transfer": [0.1, np.nan]}, "ok"),
        ("R7", {"square": [np.nan, 0.1], "pgd": [0.1, np.nan], "transfer": [0.1, 0.1]}, "flagged"),
        ("R5", {"fgsm": [0.1, np.nan], "fmn": [np.nan, 0.1], "pgd": [0.1, np.nan]}, "ok"),
        ("R7", {"square": [np.nan, 0.1], "pgd": [0.1, np.nan], "ensemble": [0.1, 0.1]}, "flagged"),
        ("R19", {"pgd": [0.1, 0.02]}, "ok"),
        ("R19", {"pgd": [0.1, np.nan]}, "flagged"),
    ],
)
def test_suite_checks(rule: str, broken: dict[str, list[float]], expected: str) -> None:
    config = tiny.config(attacks=tuple(AttackSettings(name=name) for name in broken))
    checks = suite_checks(HeldRows(rows(broken)), {"tiny.fer": FER7}, config)
    assert status(checks, rule) == expected


def test_a_search_on_some_faces_is_held_against_those_faces() -> None:
    """Square breaks 1 of 100 faces that gradients do not, 1 %, of 2,000 that the others saw."""
    broken = {"pgd": [np.nan] * 2000, "square": [0.1] + [np.nan] * 99}
    config = tiny.config(attacks=tuple(AttackSettings(name=name) for name in broken))
    (found,) = (
        entry
        for entry in suite_checks(HeldRows(rows(broken)), {"tiny.fer": FER7}, config)
        if entry["rule"] == "R7"
    )
    assert (found["status"], found["value"]) == ("flagged", 0.01)
    assert "1.0 % of 100 faces" in found["message"]


@pytest.mark.parametrize(
    ("searched", "other", "expected"),
    [
        (None, {}, None),  # a set of an older version does not tell
        ({}, {}, "ok"),
        ({1}, {}, "flagged"),
        ({1}, {"fmn": [np.nan, 0.1]}, "ok"),  # another gradient attack of the run broke it
        ({0}, {}, "ok"),  # so did APGD here
        ({2}, {}, "ok"),  # at a larger eps than the ensemble's
        (set(), {"square": [np.nan, 0.1]}, "flagged"),
        (None, {"square": [np.nan, 0.1]}, "flagged"),
    ],
)
def test_what_the_search_of_an_ensemble_alone_breaks_is_compared_with_gradients(
    searched: set[int] | None, other: dict[str, list[float]], expected: str | None
) -> None:
    broken = {"apgd": [0.1, np.nan, np.nan], "ensemble": [0.1, 0.1, np.nan], **other}
    config = tiny.config(attacks=tuple(AttackSettings(name=name) for name in broken))
    told = {} if searched is None else {("tiny.fer", "fer"): {*searched}}
    found = suite_checks(HeldRows(rows(broken)), {"tiny.fer": FER7}, config, told)
    of_rule = [entry for entry in found if entry["rule"] == "R7"]
    assert [entry["status"] for entry in of_rule] == [expected] * (expected is not None)
    if expected == "flagged":
        assert of_rule[0]["perturbation"] == "apgd"  # its figures are overstated


def test_an_ensemble_searches_every_face_that_it_attacks() -> None:
    """1 of 1,000 faces is too few to be flagged; of the 100 that Square saw it would be many."""
    nan = [np.nan] * 1000
    broken = {"apgd": nan, "ensemble": [0.1, *nan[1:]], "square": [np.nan] * 100}
    config = tiny.config(attacks=tuple(AttackSettings(name=name) for name in broken))
    images, told = HeldRows(rows(broken)), {("tiny.fer", "fer"): [0]}
    found = suite_checks(images, {"tiny.fer": FER7}, config, told)
    (check,) = [entry for entry in found if entry["rule"] == "R7"]
    assert (check["status"], check["value"]) == ("ok", 0.001)


def test_faces_that_an_attack_never_saw_did_not_withstand_it() -> None:
    broken = {"pgd": [0.1], "fgsm": [0.1, 0.1, 0.1]}  # pgd was limited to one face
    config = tiny.config(attacks=tuple(AttackSettings(name=name) for name in broken))
    assert status(suite_checks(HeldRows(rows(broken)), {"tiny.fer": FER7}, config), "R5") == "ok"


def test_the_control_is_sought_under_every_attacked_label_set() -> None:
    weak = rows({"pgd": [0.1, np.nan]})
    strong = rows({"pgd": [0.1, 0.02]}).assign(model="strong.fer")
    config = tiny.config(attacks=(AttackSettings(name="pgd"),))
    parts = [weak, strong, weak.assign(attacked_labels="ferplus")]
    found = suite_checks(HeldRows(pd.concat(parts)), {"tiny.fer": FER7, "strong.fer": FER7}, config)
    control = [(row["model"], row["attacked_labels"], row["status"]) for row in found]
    assert sorted(control) == [
        ("strong.fer", "fer", "ok"),
        ("tiny.fer", "fer", "ok"),
        ("tiny.fer", "ferplus", "flagged"),
    ]
    # no model under its own labels
    found = suite_checks(
        HeldRows(weak.assign(attacked_labels="ferplus")), {"tiny.fer": FER7}, config
    )
    assert status(found, "R19") == "flagged"


def test_a_failed_control_flags_every_robust_figure_and_is_said_once(tmp_path: Path) -> None:
    folder = tiny.write_run(tmp_path / "run", tiny.config(corruptions=(), eps=(0.001,)))
    results = tiny.results_of(folder)
    worst = results.perturbation == "worst_case"
    assert set(results[worst].status) == {"flagged"}
    assert "flagged" not in set(results[results.perturbation.isin(["none", "noise"])].status)
    assert FLAG_MEANS in summary_table(results, (0.001,)).splitlines()
    sound = summary_table(results.assign(status="ok"), (0.001,))
    assert "!" not in sound
    nothing = results.assign(value=np.nan, ci_low=np.nan, ci_high=np.nan)
    assert "nan" not in summary_table(nothing, (0.001,))
    assert set(leaderboards([FinishedRun(folder)]).status) == {"flagged"}
    run = FinishedRun(folder)
    found = verdicts(run, headline(run.results))
    assert [(one.model, one.status) for one in found] == [
        ("tiny.fer", "flagged"),
        ("tiny.ferplus", "flagged"),
    ]
    assert all("broken to about 0" in one.note for one in found)
    (said,) = [one for one in reliability(run).problems if one.rule == "R19"]
    assert said.where.startswith("tiny.fer and tiny.ferplus, worst case, FER and FER+ labels")


@pytest.mark.parametrize(("headline_only", "expected"), [(False, "flagged"), (True, "ok")])
def test_attacks_are_held_against_each_other_where_both_run(
    headline_only: bool, expected: str
) -> None:
    broken = {"fgsm": [0.02, np.nan, 0.1], "pgd": [0.02, 0.02, np.nan]}
    pgd = AttackSettings(name="pgd", headline_only=(Norm.LINF,) if headline_only else ())
    config = tiny.config(attacks=(AttackSettings(name="fgsm"), pgd))
    assert config.grids["pgd"] == ((0.02,) if headline_only else (0.02, 0.1))
    assert (
        status(suite_checks(HeldRows(rows(broken)), {"tiny.fer": FER7}, config), "R5") == expected
    )


def corrupted(right: list[int]) -> pd.DataFrame:
    """Lines of `per_image` of a corruption, from how many of ten faces are right."""
    return pd.concat(
        pd.DataFrame(
            {
                "row": range(11),
                "model": "tiny.fer",
                "attacked_labels": "",
                "perturbation": "fog",
                "severity": severity,
                "fer": [3] * 10 + [NO_LABEL],
                "prediction": [3] * count + [4] * (11 - count),
            }
        )
        for severity, count in enumerate(right, start=1)
    )


@pytest.mark.parametrize(
    ("right", "expected"), [([9, 7, 7, 4], "ok"), ([9, 4, 6], "flagged"), ([9], None)]
)
def test_accuracy_falls_with_severity(right: list[int], expected: str | None) -> None:
    checks = suite_checks(HeldRows(corrupted(right)), {"tiny.fer": FER7}, tiny.config())
    assert [entry["status"] for entry in checks] == ([expected] if expected else [])
    results = pd.DataFrame({name: [] for name in RESULT_COLUMNS}).astype(RESULT_COLUMNS)
    row = {"model": "tiny.fer", "attacked_labels": "", "status": "ok"}
    both = pd.DataFrame([row | {"perturbation": name} for name in ("corruptions", "none")])
    flagged = with_status(
        pd.concat([results, both]),
        pd.DataFrame(checks, columns=[*CHECK_COLUMNS]),
        [],
        tiny.config(),
    )
    assert list(flagged.status) == [expected or "ok", "ok"]


def test_every_check_has_words_for_the_reader() -> None:
    sources = [path.read_text() for path in Path(rules.__file__).parents[1].rglob("*.py")]
    emitted = set(re.findall(r'"(R\d+)"', " ".join(sources)))
    assert emitted == {rule.name for rule in rules.Rule if rule.value.title}
    assert all(bool(rule.value.title) == bool(rule.value.advice) for rule in rules.Rule)


def test_the_rules_are_those_of_the_documents() -> None:
    page = Path(rules.__file__).parents[2] / "docs" / "evaluation-rules.md"
    rows = re.findall(r"^\| (R\d+) \| (.*) \|$", page.read_text(), flags=re.MULTILINE)
    told = {rule.name: rule.value.text for rule in rules.Rule}
    assert told == {name: text.replace("**", "") for name, text in rows}
    assert list(told) == [f"R{number}" for number in range(1, 27)]


def test_zero_gradients_flag_the_attack_and_its_figures(tmp_path) -> None:
    model = tiny.classifier().model
    steps = keras.layers.Lambda(lambda x: keras.ops.floor(x * 4) / 4)
    outputs = keras.Model(model.inputs, model(steps(model.inputs[0])))
    quantised = wrap(outputs, Contract(8, 8, 1, FER7), model_id="tiny.fer")
    evaluate_run(
        tiny.config(corruptions=()), tiny.faces(), [quantised], tmp_path, None, tiny.SILENT
    )
    checks = read_table(tmp_path / "checks.parquet", CHECK_COLUMNS)
    fired = checks[(checks.rule == "R9") & (checks.status == "flagged")]
    assert set(fired.perturbation) == {"fgsm", "pgd"}
    blind = checks[(checks.perturbation == "pgd") & (checks.status == "flagged")]
    assert {"R4", "R9"} <= set(blind.rule)  # it breaks no face, and is probed all the same
    results = pd.read_parquet(tmp_path / "results.parquet")
    assert (results[results.perturbation == "pgd"].status == "flagged").all()
    assert (results[results.perturbation == "worst_case"].status == "flagged").all()
    assert (results[results.perturbation == "none"].status == "ok").all()
