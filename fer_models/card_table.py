"""The table of shipped classifiers, as plain text and as `docs/models.md`; made from the cards."""

from datasets.base.percentages import in_percent
from fer_models.cards import CARDS, Card, read_card, weight_files

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
    "ms per face",
    "epochs",
    "runs",
    "selected",
    "note",
)
_NONE = "\u2013"


def shipped_cards() -> list[Card]:
    """All cards in the package, by id."""
    return [read_card(path) for path in sorted(CARDS.glob("*.json"))]


def rows(cards: list[Card]) -> list[tuple[str, ...]]:
    """One row of words per card; see `_COLUMNS`. A dash marks what was not measured."""
    return [
        (
            card.id,
            *_figures(card),
            _count(card.parameters),
            *_costs(card),
            f"{card.best_epoch} of {card.epochs}" if card.epochs else _NONE,
            str(card.runs_tried),
            card.selected_on,
            card.note,
        )
        for card in cards
    ]


def _figures(card: Card) -> tuple[str, str, str, str, str]:
    """Accuracy, interval, macro F1, accuracy without leaks and number of faces."""
    measured = card.measured
    if measured is None:
        return _share(card.validation_accuracy), _NONE, _NONE, _NONE, _many(card.validation_rows)
    return (
        _share(measured.all.accuracy),
        f"{in_percent(measured.all.ci_low, 1)}\u2013{in_percent(measured.all.ci_high, 1)}",
        _share(measured.all.macro_f1),
        _share(measured.without_leaks.accuracy),
        _many(measured.all.n),
    )


def _share(value: float | None) -> str:
    return _NONE if value is None else f"{in_percent(value, 1)} %"


def _many(count: int) -> str:
    return f"{count:,}".replace(",", "\u2009") if count else _NONE


def _costs(card: Card) -> tuple[str, str, str]:
    """Multiply-adds, size of the file, milliseconds."""
    paths = weight_files(card)
    whole = all(path.exists() for path in paths)
    size = f"{sum(path.stat().st_size for path in paths) / 1e6:.1f} MB" if whole else "missing"
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
        "rule. `selected` says what was chosen on which faces: where that is PublicTest, the "
        "accuracy is a little flattering. PrivateTest was never read. Without leaks: only images "
        "that do not occur pixel by pixel in Training. `runs` says how many trainings the shipped "
        "one was chosen from.\n\n"
        "Multiply-adds are those of convolutions and dense layers for one image; ms per face is "
        "the time of one processor core in batches of 64. `python -m evaluation.cards --all "
        "--data DIR --write` measures both and the figures.\n\n"
    )
    table = [_COLUMNS, ("---",) * len(_COLUMNS), *rows(cards)]
    return head + "\n".join(f"| {' | '.join(line)} |" for line in table) + "\n"


def _count(count: int) -> str:
    return f"{count / 1e6:.2f} M" if count >= 1e6 else f"{count / 1e3:.0f} k"
