"""The table of shipped classifiers, as plain text and as `docs/models.md`; made from the cards."""

from pathlib import Path

from fer_models.cards import CARDS, WEIGHTS, Card, read_card

_COLUMNS = ("model", "PublicTest", "faces", "parameters", "file", "epochs", "runs", "note")


def shipped_cards() -> list[Card]:
    """All cards in the package, by id."""
    return [read_card(path) for path in sorted(CARDS.glob("*.json"))]


def rows(cards: list[Card]) -> list[tuple[str, ...]]:
    """One row of words a card; see `_COLUMNS`."""
    return [
        (
            card.id,
            f"{100 * card.validation_accuracy:.1f} %",
            f"{card.validation_rows:,}".replace(",", "\u2009"),
            _thousands(card.parameters),
            _megabytes(WEIGHTS / f"{card.id}.npz"),
            f"{card.best_epoch} of {card.epochs}",
            str(card.runs_tried),
            card.note,
        )
        for card in cards
    ]


def text_table(cards: list[Card]) -> str:
    """Columns aligned for a terminal."""
    lines = [_COLUMNS, *rows(cards)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(_COLUMNS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines
    )


def models_page(cards: list[Card]) -> str:
    """Text of `docs/models.md`."""
    head = (
        "# Models\n\n"
        "Made by `python -m fer_models.list --markdown > docs/models.md`; a test keeps it true.\n\n"
        "Accuracy is on PublicTest, single view, with the stored float16 weights; FER+ by majority "
        "rule. PublicTest also chose the best epoch, so it is a little flattering; PrivateTest was "
        "never read. `runs` says how many trainings the shipped one was chosen from.\n\n"
    )
    table = [_COLUMNS, ("---",) * len(_COLUMNS), *rows(cards)]
    return head + "\n".join(f"| {' | '.join(line)} |" for line in table) + "\n"


def _thousands(count: int) -> str:
    return f"{count / 1e6:.2f} M" if count >= 1e6 else f"{count / 1e3:.0f} k"


def _megabytes(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB" if path.exists() else "missing"
