r"""`python -m reports.method RUN --format latex`: how a run measured, for a paper.

Prints a paragraph with `\cite`, the same as Markdown with pandoc's citations, or, with
`--format bibtex`, the entries that it cites: Deadpan, the run, the data, and the paper of each
attack, as the attack's class names it. Needs no TensorFlow.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datasets.base.commands import run
from reports.paper.file_formats import MethodFormat

if TYPE_CHECKING:
    from attacks.sources import Paper
    from evaluation.results.run import FinishedRun

_MARKS = "\ue000", "\ue001"
"""Private characters around citation keys until the text is escaped."""


def main(
    run_folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder that `python -m evaluation.run` wrote.")
    ],
    format_: Annotated[
        MethodFormat, typer.Option("--format", help="A paragraph, or the entries that it cites.")
    ] = MethodFormat.LATEX,
) -> None:
    """Print a paragraph on the method of a finished run, or the BibTeX entries for it."""
    from reports.markdown import escaped
    from reports.paper.bibliography import DEADPAN, paper_key
    from reports.paper.latex import latex_text
    from reports.paper.method import method_sentences
    from reports.paper.sections import opened

    with opened(run_folder) as (found, top):
        papers = _papers(found)
        if format_ is MethodFormat.BIBTEX:
            print("\n\n".join(_entries(found, papers)))
            return
        keys = {name: [paper_key(paper) for paper in of] for name, of in papers.items()}
        keys[DEADPAN] = [DEADPAN]
        marked = {name: ",".join(of).join(_MARKS) if of else "" for name, of in keys.items()}
        text = " ".join(method_sentences(found, top, lambda name: marked.get(name, "")))
    cited = re.compile(f"{_MARKS[0]}([^{_MARKS[1]}]*){_MARKS[1]}")
    if format_ is MethodFormat.LATEX:
        print(cited.sub(r"~\\cite{\1}", latex_text(text)))
    else:
        print(cited.sub(lambda one: f" [@{one[1].replace(',', '; @')}]", escaped(text)))


def _papers(found: "FinishedRun") -> "dict[str, list[Paper]]":
    """Papers of the run's attacks and data, by what cites them."""
    import datasets.fer2013
    import datasets.votes
    from attacks.registry import ATTACKS
    from attacks.sources import papers_in, papers_of
    from reports.paper.method import attacks_of, is_fer2013, votes_count

    papers = {name: papers_of(ATTACKS[name]) for name in attacks_of(found) if name in ATTACKS}
    if is_fer2013(found):
        papers["fer2013"] = papers_in(datasets.fer2013.__doc__)
    if votes_count(found):
        papers["ferplus"] = papers_in(datasets.votes.__doc__)
    return papers


def _entries(found: "FinishedRun", papers: "dict[str, list[Paper]]") -> list[str]:
    from importlib.metadata import metadata

    from reports.paper.bibliography import deadpan_entry, papers_entries, run_entry, run_year

    version, year = found.manifest.get("deadpan_version", ""), run_year(found.manifest)
    own = deadpan_entry(version, metadata("deadpan")["Summary"], year)
    return [own, run_entry(found), *papers_entries(one for of in papers.values() for one in of)]


if __name__ == "__main__":
    run(main, prog="python -m reports.method")
