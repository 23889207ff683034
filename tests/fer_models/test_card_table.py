"""The table of models says what the cards say, and docs/models.md is that table."""

import json
from pathlib import Path

import pytest

from fer_models import card_table, cards
from fer_models.card_table import models_page, shipped_cards, text_table
from fer_models.cards import Measured, SubsetFigures, read_card, write_card
from fer_models.recipe import MeanRecipe, Recipe
from tests.fer_models.cards import make_card

SELECTED = "epoch chosen on PublicTest"
CARD = make_card(
    "net",
    parameters=58_423,
    recipe=Recipe(epochs=9),
    runs_tried=2,
    training_rows=28709,
    epochs=9,
    best_epoch=7,
    validation_accuracy=0.65253,
    validation_rows=3589,
    selected_on=SELECTED,
    note="small",
)
MEASURED = Measured(
    all=SubsetFigures(n=3589, accuracy=0.65253, ci_low=0.63679, ci_high=0.66794, macro_f1=0.60144),
    without_leaks=SubsetFigures(
        n=3309, accuracy=0.64, ci_low=0.6235, ci_high=0.6562, macro_f1=0.58
    ),
    multiply_adds=5_520_448,
    file_bytes=123_703,
    milliseconds=1.2345,
)


def test_rows_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cards, "WEIGHTS", tmp_path)
    (tmp_path / "net.fer.npz").write_bytes(bytes(120_000))
    dash = "\u2013"
    faces, epochs = "3\u2009589", "7 of 9"
    (row,) = card_table.rows([CARD])
    assert row[:6] == ("net.fer", "65.3 %", dash, dash, dash, faces)
    assert row[6:] == ("58 k", dash, "0.1 MB", dash, epochs, "2", SELECTED, "small")
    measured = CARD.model_copy(update={"measured": MEASURED})
    (row,) = card_table.rows([measured])
    assert row[:6] == ("net.fer", "65.3 %", "63.7\u201366.8", "60.1 %", "64.0 %", faces)
    assert row[6:] == (
        "58 k",
        "5.52 M",
        "0.1 MB",
        "1.2",
        epochs,
        "2",
        SELECTED,
        "small",
    )


def test_rows_of_other_kinds_of_classifiers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cards, "WEIGHTS", tmp_path)
    uncounted = MEASURED.model_copy(update={"multiply_adds": None})
    trees = CARD.model_copy(
        update={"parameters": 1_242_919, "epochs": 0, "best_epoch": 0, "measured": uncounted}
    )
    (row,) = card_table.rows([trees])
    assert row[6:] == (
        "1.24 M",
        "\u2013",
        "missing",
        "1.2",
        "\u2013",
        "2",
        SELECTED,
        "small",
    )


def test_text_is_aligned() -> None:
    head, line = text_table([CARD]).split("\n")
    assert line.index("65.3 %") == head.index("PublicTest")


def test_page_has_a_line_a_card() -> None:
    assert models_page([CARD, CARD]).count("| net.fer | 65.3 % |") == 2


def test_cards_of_before_the_figures_load(tmp_path: Path) -> None:
    old = json.loads(CARD.model_dump_json(exclude={"measured"}))
    (tmp_path / "card.json").write_text(json.dumps(old))
    assert read_card(tmp_path / "card.json") == CARD
    whole = CARD.model_copy(update={"measured": MEASURED})
    write_card(whole, tmp_path / "card.json")
    assert read_card(tmp_path / "card.json") == whole


def test_docs_are_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "models.md"
    assert page.read_text() == models_page(shipped_cards()), (
        "python -m fer_models.list --markdown > docs/models.md"
    )


def test_the_page_of_the_weights_names_every_net_for_which_nothing_was_chosen() -> None:
    page = (Path(__file__).parents[2] / "WEIGHTS.md").read_text()
    told = page.partition("**Selection**")[2].partition("\n\n")[0]
    free = [card.id for card in shipped_cards() if card.selected_on.startswith("nothing")]
    others = [name for name in free if not name.startswith("vgg_small")]
    assert others and "all forms of `vgg_small`" in told
    assert [name for name in others if f"`{name}`" not in told] == []


def test_a_shipped_card_says_what_was_chosen_on_how_many_faces() -> None:
    """PublicTest helped to choose epochs and, of several trainings, the one that is shipped."""
    chosen = [
        card
        for card in shipped_cards()
        if "PublicTest" in card.selected_on and not isinstance(card.recipe, MeanRecipe)
    ]
    assert chosen
    for card in chosen:
        assert card.measured is not None
        faces = (
            card.validation_rows or card.measured.all.n
        )  # 0: trained on all, without an epoch chosen
        assert f"{faces:,} faces" in card.selected_on, card.id
        several = f"one of {card.runs_tried} trainings" in card.selected_on
        assert several == (card.runs_tried > 1), card.id
