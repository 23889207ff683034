"""What a run says before it measures anything, and where it is written."""

from pathlib import Path

import pytest

from evaluation.api import evaluate, selected_on_public_test
from evaluation.environment import Start
from fer_models.zoo import describe


@pytest.mark.parametrize(
    ("models", "said"),
    [
        (["tiny.fer", "mirror_cnn.ferplus"], ""),
        (["tiny.fer", "simple_cnn.fer"], "simple_cnn.fer was"),
        (["hybrid.fer+jpeg75", "simple_cnn.fer"], "hybrid.fer+jpeg75, simple_cnn.fer were"),
        (["hybrid.fer", "inception.fer", "simple_cnn.fer", "xception.fer"], "4 of the models were"),
    ],
)
def test_only_what_was_selected_on_the_faces_is_said_to_be(models: list[str], said: str) -> None:
    assert selected_on_public_test(models, [describe(model) for model in models]) == said


def test_runs_that_begin_in_one_second_have_folders_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    start = Start.now("evaluate")
    monkeypatch.setattr(Start, "now", lambda _: start)
    tier = tmp_path / "clean.toml"
    tier.write_text('severities = []\ncorruptions = []\nattacks = []\neps.linf = ["4/255"]\n')
    folders = [evaluate("tiny.fer", data="sample", limit=20, tier=tier).folder for _ in range(2)]
    assert folders[1] == folders[0].with_name(f"{folders[0].name}-2")
    assert folders[0].parent == Path("runs")
