"""The table of shipped classifiers, as plain text and as `docs/models.md`; made from the cards."""

from fer_models.cards import CARDS, WEIGHTS, Card, Measured, read_card

_COLUMNS = (
    "model",
    "PublicTest",
    "95 %",
    "macro F1",
    "without leaks",
    "faces",
    "parameters",
    "multiply-adds",
    "file",
    "ms a face",
    "epochs",
    "runs",
    "note",
)
_NONE = "\u2013"


def shipped_cards() -> list[Card]:
    """All cards in the package, by id."""
    return [read_card(path) for path in sorted(CARDS.glob("*.json"))]


def rows(cards: list[Card]) -> list[tuple[str, ...]]:
    """One row of words a card; see `_COLUMNS`. A dash stands for what was not measured."""
    return [
        (
            card.id,
            f"{100 * card.validation_accuracy:.1f} %",
            *_figures(card.measured),
            f"{card.validation_rows:,}".replace(",", "\u2009"),
            _count(card.parameters),
            *_costs(card),
            f"{card.best_epoch} of {card.epochs}" if card.epochs else _NONE,
            str(card.runs_tried),
            card.note,
        )
        for card in cards
    ]


def _figures(measured: Measured | None) -> tuple[str, str, str]:
    """Interval, macro F1, accuracy without leaks."""
    if measured is None:
        return _NONE, _NONE, _NONE
    return (
        f"{100 * measured.all.ci_low:.1f}\u2013{100 * measured.all.ci_high:.1f}",
        f"{100 * measured.all.macro_f1:.1f} %",
        f"{100 * measured.without_leaks.accuracy:.1f} %",
    )


def _costs(card: Card) -> tuple[str, str, str]:
    """Multiply-adds, size of the file, milliseconds."""
    path = WEIGHTS / f"{card.id}.npz"
    size = f"{path.stat().st_size / 1e6:.1f} MB" if path.exists() else "missing"
    if card.measured is None:
        return _NONE, size, _NONE
    adds = card.measured.multiply_adds
    return (_NONE if adds is None else _count(adds)), size, f"{card.measured.milliseconds:.2g}"


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
        "never read. Without leaks: only images that do not stand pixel by pixel in Training. "
        "`runs` says how many trainings the shipped one was chosen from.\n\n"
        "Multiply-adds are those of convolutions and dense layers for one image; ms a face is the "
        "time of one processor core in batches of 64. `python -m evaluation.cards --all --data DIR "
        "--write` measures both and the figures.\n\n"
    )
    table = [_COLUMNS, ("---",) * len(_COLUMNS), *rows(cards)]
    return head + "\n".join(f"| {' | '.join(line)} |" for line in table) + "\n"


def _count(count: int) -> str:
    return f"{count / 1e6:.2f} M" if count >= 1e6 else f"{count / 1e3:.0f} k"
