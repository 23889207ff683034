"""How much work each stage of a run does, in counts: seconds differ from machine to machine."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from evaluation import evaluate
from evaluation.stage_clock import StageClock
from fer_models import gradients
from fer_models.gradients import SymbolicClassifier
from reports.charts import drawing

pytestmark = pytest.mark.slow

EXPECTED = {
    "start: forward": 58,
    "clean answers: forward": 60,
    "checks of models: forward": 558,
    "checks of models: backward": 64,
    "attacks and corruptions: forward": 675,
    "attacks and corruptions: backward": 302,
    "answers to them: forward": 1025,
    "probes of attacks: forward": 1201,
    "probes of attacks: backward": 553,
    "explanations: forward": 96,
    "compiled calls": 4,
    "charts": 21,
}
"""Images that pass the net in each stage of a small run, its compiled calls and its charts."""
GROWTH = 1.2
"""A stage that does more than a fifth more work than it did has to be looked at."""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Counter[str]:
    """Images through the net (`forward`, `backward`), compiled calls and charts, by stage."""
    counts, at = Counter[str](), ["start"]
    stage, built = StageClock.stage, gradients._compiled

    @contextmanager
    def named(self: StageClock, name: str) -> Iterator[None]:
        at.append(name)
        with stage(self, name):
            yield
        at.pop()

    def counted(method: Any, *kinds: str) -> Any:
        def call(self: SymbolicClassifier, images: np.ndarray, *args: Any) -> Any:
            for kind in kinds:
                counts[f"{at[-1]}: {kind}"] += len(images)
            return method(self, images, *args)

        return call

    def compiled(signature: Any) -> Any:
        counts["compiled calls"] += 1
        return built(signature)

    def drawn(*args: Any, **options: Any) -> str:
        counts["charts"] += 1
        return to_svg(*args, **options)

    to_svg = drawing.to_svg
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StageClock, "stage", named)
        patch.setattr(gradients, "_compiled", compiled)
        patch.setattr(drawing, "to_svg", drawn)
        for name, kinds in {
            "attacked_logits": ("forward",),
            "_pull": ("forward", "backward"),
            "input_gradients": ("forward", "backward"),
        }.items():
            method = getattr(SymbolicClassifier, name)
            patch.setattr(SymbolicClassifier, name, counted(method, *kinds))
        evaluate(
            ["tiny.fer"], data="sample", limit=60, precision="float32",
            out=tmp_path_factory.mktemp("run") / "run",
        )  # fmt: skip
    return counts


def test_no_stage_does_more_work_than_it_did(work: Counter[str]) -> None:
    grown = {name: count for name, count in work.items() if count > GROWTH * EXPECTED.get(name, 0)}
    assert not grown


def test_the_table_names_what_is_done(work: Counter[str]) -> None:
    """A stage that does much less, or another name, makes the limit above mean nothing."""
    assert work.keys() == EXPECTED.keys()
    assert all(work[name] > EXPECTED[name] / GROWTH for name in work)
