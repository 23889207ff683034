"""The papers that an attack comes from, read where it states them: in its class's docstring.

`Source: Croce & Hein 2020, "Reliable evaluation ...", arXiv 2003.01690, section 4.1.`
"""

import inspect
import re
from typing import NamedTuple


class Paper(NamedTuple):
    """A paper as a docstring names it.

    Attributes:
        authors: one name, two with `&`, or the first with `et al.`.
        year: of the version that is meant.
        title: empty where the docstring has none.
        arxiv: number on arXiv; empty for a paper that is not there.
    """

    authors: str
    year: int
    title: str
    arxiv: str


_PAPER = re.compile(
    r"(?P<authors>[A-Z][\w'-]+(?: et al\.| & [A-Z][\w'-]+)?) (?P<year>\d{4})"
    r"(?:, \"(?P<title>[^\"]+)\")?(?:, arXiv (?P<arxiv>\d{4}\.\d{4,5}))?"
)


def papers_in(docstring: str | None) -> list[Paper]:
    """The papers of the paragraph that begins with `Source:`; none without one."""
    for paragraph in inspect.cleandoc(docstring or "").split("\n\n"):
        if paragraph.startswith("Source:"):
            found = _PAPER.finditer(" ".join(paragraph.split()))
            return [
                Paper(one["authors"], int(one["year"]), one["title"] or "", one["arxiv"] or "")
                for one in found
            ]
    return []


def papers_of(attack: type) -> list[Paper]:
    """The papers of an attack and of the attacks that it derives from, each once."""
    found = (paper for kind in attack.__mro__ for paper in papers_in(vars(kind).get("__doc__")))
    return list(dict.fromkeys(found))
