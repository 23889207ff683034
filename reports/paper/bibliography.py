"""BibTeX entries: of papers, of Deadpan and of a run.

Papers come as docstrings name them, so authors are surnames; the number on arXiv leads to the rest.
It is in a field that every style prints.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from evaluation.results.run import FinishedRun
from reports.paper.latex import latex_text


class Paper(Protocol):
    """What is known of a paper: `attacks.sources.Paper`, which this package may not import."""

    @property
    def authors(self) -> str:
        """One surname, two with `&`, or the first with `et al.`."""

    @property
    def year(self) -> int:
        """Its year."""

    @property
    def title(self) -> str:
        """Its title, or nothing."""

    @property
    def arxiv(self) -> str:
        """Its number on arXiv, or nothing."""


DEADPAN = "deadpan"
"""Key of the entry of Deadpan itself."""


def paper_key(paper: Paper) -> str:
    """`croce2020reliable`: first author, year, first word of the title."""
    author = re.split(r" et al\.| & ", paper.authors)[0]
    word = re.match(r"\w*", paper.title.lower())
    return re.sub(r"[^a-z0-9]", "", f"{author.lower()}{paper.year}{word[0] if word else ''}")


def paper_entry(paper: Paper) -> str:
    """The entry of a paper."""
    authors = paper.authors.replace(" et al.", " and others").replace(" & ", " and ")
    arxiv = {"howpublished": f"arXiv:{paper.arxiv}"} if paper.arxiv else {}
    title = f"{{{latex_text(paper.title)}}}" if paper.title else ""
    fields = {"author": latex_text(authors), "title": title, "year": str(paper.year)}
    return _entry("misc", paper_key(paper), fields | arxiv)


def papers_entries(papers: Iterable[Paper]) -> list[str]:
    """The entries of papers, each once, by key."""
    by_key = {paper_key(paper): paper_entry(paper) for paper in papers}
    return [by_key[key] for key in sorted(by_key)]


def deadpan_entry(version: str, summary: str, year: str) -> str:
    """The entry of Deadpan.

    Args:
        version: that made the run.
        summary: what Deadpan is, from its package.
        year: of the run.
    """
    fields = {
        "author": "{The Deadpan authors}",
        "title": f"{{Deadpan: {latex_text(summary)}}}",
        "year": year,
        "howpublished": f"Software, version {version}",
    }
    return _entry("misc", DEADPAN, fields)


def run_entry(run: FinishedRun) -> str:
    """The entry of a run: what was measured, on which faces, with which seed."""
    data, config = run.manifest["data"], run.manifest["config"]
    count = len(run.models)
    title = (
        f"Robustness of {count} classifier{'s' * (count != 1)} of facial expressions on "
        f"{data['name']}, {data['split']}"
    )
    version = run.manifest.get("deadpan_version", "")
    note = (
        f"{data['rows']} face{'s' * (data['rows'] != 1)} (sha256 {data['sha256']}), "
        f"tier {config.get('tier', '')}, seed {config['seed']}"
    )
    fields = {
        "title": f"{{{latex_text(title)}}}",
        "year": run_year(run.manifest),
        "howpublished": f"Run of Deadpan {version}",
        "note": latex_text(note),
    }
    key = re.sub(r"[^a-z0-9]", "", f"{data['name']}{data['split']}{fields['year']}".lower())
    return _entry("misc", f"run-{key}", fields)


def run_year(manifest: Mapping[str, Any]) -> str:
    """Year in which a run began."""
    return str(manifest.get("started", ""))[:4]


def _entry(kind: str, key: str, fields: Mapping[str, str]) -> str:
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@{kind}{{{key},", *lines, "}"])
