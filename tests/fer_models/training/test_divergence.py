"""A training whose loss or weights become NaN or infinite ends, and leaves no such weights."""

from pathlib import Path
from typing import Any

import pytest

from attacks import train as attacks_train
from datasets.base.errors import InputError
from datasets.base.locks import LOCK
from datasets.labels import LabelSet
from tests.fer_models.training.tiny_architecture import main

pytestmark = pytest.mark.usefixtures("tiny_zoo")


@pytest.mark.parametrize("options", [{}, {"final": True, "averaging": 0.9}, {"epochs": 1}])
def test_a_training_that_diverges_ends_and_leaves_no_weights(
    options: dict[str, Any], tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match=r"epoch 1, at learning rate .* Lower --learning-rate"):
        main(data, "tiny", LabelSet.FER, out=tmp_path, learning_rate=1e38, **options)
    assert {path.name for path in tmp_path.iterdir()} == {"settings.json", LOCK}
    assert main(data, labels=LabelSet.FER, everything=True, out=tmp_path, learning_rate=1e38) == 1
    assert "failed: tiny.fer" in capsys.readouterr().out


def test_an_adversarial_training_that_diverges_says_so(tmp_path: Path, data: Path) -> None:
    request = attacks_train.AdversarialRequest(
        data=data, name="tiny", labels=LabelSet.FER, out=tmp_path, learning_rate=1e38, warm_up=0.0
    )
    with pytest.raises(InputError, match="Lower --learning-rate, and name another --out"):
        attacks_train.main(request)
    assert not (tmp_path / "best.npz").exists()
