"""`docs/training-log.md` says what the cards of the nets that it calls shipped say."""

import re
from typing import Any, NamedTuple

import pytest

from datasets.base.percentages import in_percent
from fer_models.card_table import shipped_cards
from fer_models.cards import Card
from fer_models.recipe import Recipe
from tests.docs.guide import ROOT

LOG = (ROOT / "docs" / "training-log.md").read_text()
CARDS = {card.id: card for card in shipped_cards()}


class Row(NamedTuple):
    """One training, as the log has it."""

    net: str
    shipped: bool
    recipe: str
    seed: str
    epochs: str
    hours: float
    held_out: str
    figures: str

    @property
    def options(self) -> dict[str, str]:
        """Options of its own command; one without a value is empty."""
        return dict(re.findall(r"--([a-z][\w-]*)(?: ([^\s`;-][^\s`;]*))?", self.recipe))


def rows() -> list[Row]:
    """The table, one row per training."""
    found = []
    for line in LOG.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 8 and re.fullmatch(r"20\d\d-\d\d-\d\d", cells[0]):
            name = re.match(r"`(\w+)(?:`, FER(\+?)|\.(\w+)`)", cells[1])
            assert name, line
            net = f"{name[1]}.{name[3] or ('ferplus' if name[2] else 'fer')}"
            shipped = cells[1].endswith(", shipped")
            recipe, seed, epochs, hours, held_out, figures = cells[2:]
            found.append(Row(net, shipped, recipe, seed, epochs, float(hours), held_out, figures))
    return found


ROWS = rows()
SHIPPED = [row for row in ROWS if row.shipped]
ids = [row.net for row in SHIPPED]


def test_a_net_ships_once_and_every_net_of_the_protocol_is_in_the_log() -> None:
    final = [c.id for c in CARDS.values() if isinstance(c.recipe, Recipe) and not c.validation_rows]
    assert sorted(ids) == sorted(final)


def test_a_card_counts_every_training_of_its_net_that_the_log_measured_on_public_test() -> None:
    measured = [row.net for row in ROWS if row.figures != "not measured"]
    assert measured.count("vgg_small.fer") == 2 and measured.count("vgg_small.ferplus") == 3
    assert set(measured) - set(CARDS) == {"vgg_small_augmix.fer"}  # no longer shipped
    for name in set(measured) & set(CARDS):
        assert CARDS[name].runs_tried == measured.count(name), name


@pytest.mark.parametrize("row", SHIPPED, ids=ids)
def test_what_ships_was_trained_as_the_log_says_for_exactly_that_long(row: Row) -> None:
    card = CARDS[row.net]
    assert isinstance(card.recipe, Recipe)
    assert int(row.epochs) == card.epochs == card.best_epoch == card.recipe.epochs
    assert int(row.seed) == card.seed
    assert (card.validation_rows, row.held_out) == (0, "none, trained on all")
    for option, value in row.options.items():
        assert _of_card(card, option, value), (option, value)


def _of_card(card: Card, option: str, value: str) -> bool:
    """Whether a card has an option's value, as a number where the card has one."""
    if option == "final":
        return card.validation_rows == 0 and card.validation_accuracy is None
    if option in ("start-from", "teacher"):
        return getattr(card, option.replace("-", "_")) == value
    known: dict[str, Any] = {**vars(card.recipe), **card.trained_against}
    kept = known[option.replace("-", "_")]
    if isinstance(kept, bool):
        return kept and not value
    if isinstance(kept, str):
        return kept == value
    top, _, bottom = value.partition("/")
    return float(kept) == pytest.approx(float(top) / float(bottom or 1))


@pytest.mark.parametrize("row", SHIPPED, ids=ids)
def test_figures_of_the_log_are_those_of_the_card(row: Row) -> None:
    measured = CARDS[row.net].measured
    assert measured is not None
    whole = measured.all
    low, high = in_percent(whole.ci_low, 1), in_percent(whole.ci_high, 1)
    begin = f"{in_percent(whole.accuracy, 1)} % ({low}\u2013{high}), n = {whole.n:,}"
    assert row.figures.startswith(begin)
    assert f"; {in_percent(measured.without_leaks.accuracy, 1)} % without leaks" in row.figures
    for told in re.findall(r"macro F1 ([\d.]+) %", row.figures):
        assert told == in_percent(whole.macro_f1, 1)


def test_the_log_says_which_trainings_were_judged_on_the_held_out_tenth() -> None:
    judged = [row for row in ROWS if row.held_out != "none, trained on all"]
    assert len(judged) == 3 and "Three trials were judged on" in LOG
    assert not any(row.shipped for row in judged)


def test_the_sum_of_the_hours_is_that_of_the_rows() -> None:
    (told,) = re.findall(r"([\d.]+) hours of training in all", LOG)
    assert float(told) == pytest.approx(sum(row.hours for row in ROWS))
