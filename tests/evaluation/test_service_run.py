"""A whole run on a service: the same figures as directly, nothing asked twice, errors are rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attacks.sets.task import CleanFaces, answers_of
from datasets.base.errors import InputError
from datasets.labels import LabelSet
from evaluation.comparing.rivals import is_whole
from evaluation.config import RunConfig
from evaluation.listener import Listener
from evaluation.results.files import read_table
from evaluation.results.model_notes import input_notes, service_notes
from evaluation.results.schema import AT_THE_END, CHECK_COLUMNS
from evaluation.stages.black_boxes import black_box_checks
from evaluation.stages.fingerprints import check_again, check_or_keep, fingerprints_of
from evaluation.stages.pipeline import evaluate_run
from fer_models.classifier import Classifier
from fer_models.identity import FINGERPRINT_IMAGES, same_answers
from fer_models.services.classifier import ServiceClassifier, load_service, service_of
from tests.evaluation import tiny
from tests.fer_models.services.server import Fault, Server, serving, write_service

RUN = tiny.config(models=("service",), labels=(LabelSet.FER,), attacks=tiny.SEARCH)


class Direct(Classifier):
    """The tiny net on images rounded to 8 bits, as the service sees them."""

    def __init__(self, service: Classifier) -> None:
        self.net = tiny.classifier()
        self.id, self.scheme, self.weights_sha256 = (
            service.id,
            service.scheme,
            service.weights_sha256,
        )

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        return self.net.logits(np.rint(images * 255).astype(np.float32) / np.float32(255))


def tiny_service() -> Any:
    net = tiny.classifier()

    def answer(images: list[np.ndarray]) -> Any:
        levels = np.stack(images).astype(np.float32) / np.float32(255)
        return {"predictions": net.logits(levels).tolist()}

    return answer


def load(folder: Path, server: Server, **fields: Any) -> ServiceClassifier:
    settings = {
        "scores": "predictions[*]",
        "output": "logits",
        "classes": tiny.classifier().scheme.classes,
        "send": "pixels",
        "batch": 16,
        "body": {"instances": ["$image"]},
    }
    return load_service(str(write_service(folder, server, **{**settings, **fields})))


def measure(
    classifiers: Sequence[Classifier],
    run: RunConfig,
    folder: Path,
    listener: Listener = tiny.SILENT,
) -> list[dict[str, Any]]:
    folder.mkdir(exist_ok=True)
    for classifier in classifiers:
        classifier.keep_answers(folder)
    check_or_keep(classifiers, folder)
    return evaluate_run(run, tiny.faces(), classifiers, folder, None, listener)


def test_a_killed_run_asks_about_no_image_twice_and_gives_the_figures_of_the_net(
    tmp_path: Path,
) -> None:
    with serving(tiny_service()) as server:
        service = load(tmp_path, server)
        direct = Direct(service)
        measure([direct], RUN, tmp_path / "direct")
        whole = tiny.results_of(tmp_path / "direct")

        def kill(name: str, done: int, _: int) -> None:
            if name.startswith("service-fer-square"):
                raise KeyboardInterrupt

        killed = Listener(line=lambda _: None, chunk=kill)
        with pytest.raises(KeyboardInterrupt):
            measure([service], RUN, tmp_path / "run", killed)
        before = server.seen.copy()
        again = load(tmp_path, server, parallel=1)
        records = measure([again], RUN, tmp_path / "run")
    assert all(record["status"] != "error" for record in records)
    asked_again = server.seen - before
    identity = {image: count for image, count in asked_again.items() if before[image]}
    # the first faces and the fixed images twice by each start, the latter once more at the end
    assert sorted(identity.values()) == FINGERPRINT_IMAGES * [2] + FINGERPRINT_IMAGES * [3]
    assert service_of(again) is again.service
    queries = again.service.queries
    assert queries.asked == sum(server.seen.values()) and queries.from_cache > 0
    assert again.service.facts()["queries"]["asked"] == queries.asked
    results = tiny.results_of(tmp_path / "run")
    assert results.drop(columns=["value", "ci_low", "ci_high"]).equals(
        whole.drop(columns=["value", "ci_low", "ci_high"])
    )
    for column in ("value", "ci_low", "ci_high"):
        np.testing.assert_allclose(results[column], whole[column], rtol=1e-4, atol=1e-5)


def test_a_service_that_changes_random_or_batchwise_is_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    honest = tiny_service()

    def noisy(images: list[np.ndarray]) -> Any:
        scores = np.array(honest(images)["predictions"])
        return {"predictions": (scores + rng.standard_normal(scores.shape)).tolist()}

    def normalised(images: list[np.ndarray]) -> Any:
        scores = np.array(honest(images)["predictions"])
        return {"predictions": (scores - scores.mean(axis=0)).tolist()}

    from evaluation.checks.model import model_checks

    images = tiny.faces().images.astype(np.float32) / 255
    found = {}
    for name, answer in (("honest", honest), ("noisy", noisy), ("normalised", normalised)):
        with serving(answer) as server:
            service = load(tmp_path, server)
            (tmp_path / name).mkdir()
            service.keep_answers(tmp_path / name)
            logits = service.logits(images)
            checks = model_checks(service, images, logits, np.full(len(images), -1))
            found[name] = {one["check"] for one in checks if one["status"] == "flagged"}
            assert bool(fingerprints_of([service])) == (name != "noisy")
    assert found == {
        "honest": set(),
        "noisy": {"same answer twice"},
        "normalised": {"same answer in any batch"},
    }

    def other(images: list[np.ndarray]) -> Any:
        return {"predictions": (-np.array(honest(images)["predictions"])).tolist()}

    with serving(honest) as server:
        service = load(tmp_path, server)
        service.keep_answers(tmp_path)
        check_or_keep([service], tmp_path)
        server.answer = other
        again = load(tmp_path, server)
        again.keep_answers(tmp_path)
        with pytest.raises(InputError, match="service gives other logits than when the run began"):
            check_or_keep([again], tmp_path)
        server.always = Fault(400, b"gone")
        with pytest.raises(InputError, match=r"fails now: service: the service at .* 400"):
            check_or_keep([load(tmp_path, server)], tmp_path)


def test_a_service_that_changes_in_a_later_start_is_told(tmp_path: Path) -> None:
    """Kept answers of an earlier start are not used in place of new ones."""
    honest, faces, answers = tiny_service(), CleanFaces.of(tiny.faces()), list[np.ndarray]()

    def other(images: list[np.ndarray]) -> Any:
        return {"predictions": (-np.array(honest(images)["predictions"])).tolist()}

    with serving(honest) as server:
        for last in (False, True):
            service = load(tmp_path, server)
            service.keep_answers(tmp_path)
            check_or_keep([service], tmp_path)
            server.answer = other if last else honest
            (check,) = check_again([service], tmp_path)
            assert check["status"] == ("flagged" if last else "ok")
            answers.append(np.array(answers_of(service, faces)))
    assert not same_answers(*answers)


def test_a_service_whose_budget_is_spent_is_not_asked_at_the_end_and_keeps_its_rank(
    tmp_path: Path,
) -> None:
    told: list[str] = []
    listener = Listener(line=told.append, chunk=lambda *_: None)
    with serving(tiny_service()) as server:
        measure([service := load(tmp_path, server)], RUN, tmp_path / "whole", listener)
        assert not any("not checked" in line for line in told)
        budget = service.service.queries.asked - 1
        limited = load(tmp_path, server, budget=budget)
        records = measure([limited], RUN, tmp_path / "limited", listener)
    assert not any(record["status"] == "error" for record in records)
    (line,) = (line for line in told if "not checked" in line)
    assert "at its end. service: its budget of" in line and "does not hold 8 more" in line
    checks = read_table(tmp_path / "limited" / "checks.parquet", CHECK_COLUMNS)
    assert checks[checks.check == AT_THE_END].status.tolist() == ["ok"]
    results = tiny.results_of(tmp_path / "limited")
    assert is_whole("service", "fer", service.scheme, results, checks)


def test_a_service_that_fails_is_an_error_row_and_others_are_measured(tmp_path: Path) -> None:
    with serving(tiny_service()) as server:
        service = load(tmp_path, server, tries=1)
        server.always = Fault(500)
        records = measure([service, tiny.classifier()], RUN, tmp_path / "run")
        (failed,) = [record for record in records if record["status"] == "error"]
        assert failed["model"] == "service" and "500" in failed["message"]
        results = tiny.results_of(tmp_path / "run")
        rows = results[results.model == "service"]
        assert set(rows.status) == {"error"} and rows.value.isna().all()
        told: list[str] = []
        listener = Listener(line=told.append, chunk=lambda *_: None)
        alone = load(tmp_path, server, tries=1)
        with pytest.raises(
            InputError, match=r"^service: the service at .* 500\. Start or"
        ) as caught:
            measure([alone], RUN, tmp_path / "alone", listener)
        assert "\n" not in str(caught.value) and not told, "it is said once"
        alone_twice = [load(tmp_path, server, tries=1) for _ in range(2)]
        with pytest.raises(InputError, match="every model fails on the clean faces"):
            measure(alone_twice, RUN, tmp_path / "both", listener)
        assert [line.count("service:") for line in told] == [1, 1]


def test_a_service_is_a_black_box_that_sees_8_bits(tmp_path: Path) -> None:
    with serving(tiny_service()) as server:
        service = load(tmp_path, server)
        (check,) = black_box_checks(service, RUN, 40)
    assert "images rounded to 8 bits" in check["message"] and "label" not in check["message"]


def test_the_report_says_what_a_service_was_sent_and_how_often() -> None:
    entry = {
        "url": "http://127.0.0.1:1/predict",
        "sent_as": "png",
        "image": [48, 48, 1],
        "bits": 8,
        "answers": "probabilities",
        "batch": 1,
        "budget": 2000,
        "queries": {"asked": 1234, "from_cache": 56, "retried": 1},
    }
    label = {**entry, "answers": "label", "budget": None}
    shape = {"height": 48, "width": 48, "channels": 1, "resampling": "bilinear", "resized": None}
    made = {**shape, "steps": [], "low": 0, "high": 255, "mean": [0.0], "std": [1.0]}
    models = {"a": {"service": entry, "input": made}, "b": {"service": label}, "c": {"input": made}}
    one, other = service_notes(models)
    assert one == (
        "a: an HTTP service, http://127.0.0.1:1/predict. Every image, 48x48 pixels, grey, was "
        "rounded to 8 bits and sent as PNG; it answers probabilities. Asked about 1,234 images of "
        "a budget of 2,000; for 56 others the answer to the same image was reused; 1 request was "
        "sent again."
    )
    assert "a label and no scores" in other and "calibration is not measured" in other
    assert [note[:2] for note in input_notes(models)] == ["c:"]
