"""`python -m fer_models.list`: the classifiers that come with Deadpan and what is known of them."""

from typing import Annotated

import typer

from datasets.base.commands import run


def main(
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print docs/models.md instead of a table.")
    ] = False,
) -> None:
    """Show every shipped classifier with its accuracy, size and training."""
    from fer_models.card_table import models_page, shipped_cards, text_table

    cards = shipped_cards()
    print(models_page(cards) if markdown else text_table(cards), end="" if markdown else "\n")


if __name__ == "__main__":
    run(main, prog="python -m fer_models.list")
