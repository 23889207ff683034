"""The table of models says what the cards say, and docs/models.md is that table."""

from pathlib import Path

import pytest

from datasets.labels import LabelSet
from fer_models import card_table
from fer_models.card_table import models_page, shipped_cards, text_table
from fer_models.cards import Card
from fer_models.recipe import Precision, Recipe

CARD = Card(
    id="net.fer",
    architecture="net",
    label_set=LabelSet.FER,
    input_shape=(48, 48, 1),
    parameters=58_423,
    recipe=Recipe(epochs=9),
    precision=Precision.FLOAT32,
    seed=0,
    runs_tried=2,
    training_rule=None,
    training_rows=28709,
    epochs=9,
    best_epoch=7,
    data_sha256="",
    validation_accuracy=0.65253,
    validation_rows=3589,
    weights_sha256="",
    note="small",
)


def test_rows_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card_table, "WEIGHTS", tmp_path)
    (tmp_path / "net.fer.npz").write_bytes(bytes(120_000))
    (row,) = card_table.rows([CARD])
    assert row == ("net.fer", "65.3 %", "3\u2009589", "58 k", "0.1 MB", "7 of 9", "2", "small")
    large = CARD.model_copy(update={"parameters": 1_242_919, "id": "other.fer"})
    assert card_table.rows([large])[0][3:5] == ("1.24 M", "missing")


def test_text_is_aligned() -> None:
    head, line = text_table([CARD]).split("\n")
    assert line.index("65.3 %") == head.index("PublicTest")


def test_page_has_a_line_a_card() -> None:
    assert models_page([CARD, CARD]).count("| net.fer | 65.3 % |") == 2


def test_docs_are_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "models.md"
    assert page.read_text() == models_page(shipped_cards()), (
        "python -m fer_models.list --markdown > docs/models.md"
    )
