"""`reports.tables`: the figures of the page, with their marks, as LaTeX, Markdown and csv."""

import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from datasets.base.errors import InputError
from evaluation.results.run import FinishedRun
from reports import tables
from reports.markdown import markdown_table
from reports.page import render
from reports.paper.file_formats import TableFormat
from reports.paper.latex import latex_table, latex_text
from reports.paper.printed import Printed
from reports.paper.sections import tables_of
from reports.table import csv_uri
from tests.reports.fake_run import write_run
from tests.reports.wishes import FOUR, Wishes

ROOT = Path(__file__).parents[2]
PRINTED = ("leaderboard", "who-breaks", "corruptions", "gallery")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose first model has flagged figures."""
    wishes = Wishes(models=(FOUR[0], FOUR[2]), corruptions=("jpeg",), examples=0)
    path = write_run(tmp_path_factory.mktemp("run"), wishes)
    results = pd.read_parquet(path / "results.parquet")
    worst = (results["model"] == FOUR[0]) & (results["perturbation"] == "worst_case")
    results.loc[worst, "status"] = "flagged"
    results.to_parquet(path / "results.parquet")
    return path


class Rows(HTMLParser):
    """Rows of every table of a page: text of the cells after the first, and of the header."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.in_cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag == "td":
            self.in_cell = True
            self.rows[-1].append("")
        if tag == "small":
            self.handle_data(" ")

    def handle_endtag(self, tag: str) -> None:
        self.in_cell &= tag != "td"

    def handle_data(self, data: str) -> None:
        if self.in_cell:
            self.rows[-1][-1] += data


def numbers(cells: list[str]) -> list[str]:
    """Every number of some cells, whatever is around them."""
    return re.findall(r"\d+(?:\.\d+)?", re.sub(r"(?<=\d)(\\,|\u202f)(?=\d)", "", " ".join(cells)))


def latex_rows(text: str) -> list[list[str]]:
    body = text.partition("\\midrule\n")[2].partition("\\bottomrule")[0]
    return [line.removesuffix(" \\\\").split(" & ") for line in body.splitlines()]


def test_tables_have_the_numbers_of_the_page(folder: Path) -> None:
    page = [numbers(row) for row in Rows(render(FinishedRun(folder))).rows]
    for section in PRINTED:
        for table in tables_of(folder, section, "all"):
            lines = markdown_table(table).splitlines()[2:]
            of_markdown = [re.split(r"(?<!\\) \| ", line.strip("| "))[1:] for line in lines]
            of_latex = [row[1:] for row in latex_rows(latex_table(table))]
            assert len(of_latex) == len(of_markdown) == len(table.rows) > 0
            for row in (*of_latex, *of_markdown):
                assert numbers(row) in page, (section, table.name, row)


def test_flagged_and_provisional_figures_keep_their_marks(folder: Path) -> None:
    first, second = tables_of(folder, "leaderboard", None)
    assert first.name == "leaderboard-fer" and second.name == "leaderboard-ferplus"
    (row,) = latex_rows(latex_table(first))
    flagged = [cell.endswith("\\dag}") or "\\dag} \\\\" in cell for cell in row]
    shown = dict(zip(first.head, flagged, strict=True))
    assert shown.pop("Model, FER labels") and shown.pop("Worst case 4/255")
    assert shown.pop("Rank") and "provisional: R6" in row[1]
    assert not shown["Clean accuracy"] and not shown["Random noise 4/255"]
    assert "\\textsuperscript{\\dag}: the figure failed a reliability check" in latex_table(first)
    assert "\\dag" not in latex_table(second).partition("\\caption")[0]
    (sizes,) = [one for one in tables_of(folder, "gallery", None) if one.name == "sizes"]
    assert "/255\\textsuperscript{\\dag}" in latex_rows(latex_table(sizes))[0][2]
    assert "| ⚑\u00a0" in markdown_table(sizes)


def test_labels_and_votes_of_own_data_each_have_their_leaderboard(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wishes = Wishes(models=(FOUR[0], FOUR[2]), corruptions=(), examples=0)
    path = write_run(tmp_path, wishes)
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["data"]["label_names"] = {"fer": "RAF-DB", "ferplus": "RAF-DB votes"}
    (path / "manifest.json").write_text(json.dumps(manifest))
    tables.main(path, "leaderboard", TableFormat.MARKDOWN, None, tmp_path / "out")
    written = {file.name: file.read_text() for file in (tmp_path / "out").iterdir()}
    assert set(written) == {"leaderboard-raf-db.md", "leaderboard-raf-db-votes.md"}
    assert FOUR[0] in written["leaderboard-raf-db.md"]
    assert FOUR[2] in written["leaderboard-raf-db-votes.md"]
    capsys.readouterr()
    tables.main(path, "leaderboard", TableFormat.LATEX, None, None)
    printed = capsys.readouterr().out
    assert printed.count("\\begin{table}") == 2
    tables.main(path, "curves", TableFormat.CSV, None, tmp_path / "csv")
    curve = pd.read_csv(tmp_path / "csv" / "curve-ferplus-linf.csv")
    assert set(curve["label_set"]) == {"RAF-DB votes"}  # as in results.csv


def test_latex_is_escaped_and_complete() -> None:
    odd = "a_b & 5\u202f% #1 {x} ^~ \\ \u2264\u00a03 \u2013 <4 $\u221e"
    table = Printed("odd", odd, "", ["model", odd], [["m_1.fer", odd]], ["error"], "", "odd")
    text = latex_table(table)
    assert text.isascii() and text.count("{") - text.count(r"\{") == (
        text.count("}") - text.count(r"\}")
    )
    escaped = (
        r"a\_b \& 5\,\% \#1 \{x\} \textasciicircum{}\textasciitilde{} \textbackslash{} $\leq$~3 -- "
        r"$<$4 \$$\infty$"
    )
    assert latex_text(odd) == escaped
    assert f"\\texttt{{m\\_1.fer}}\\textsuperscript{{\\ddag}} & {escaped} \\\\" in text
    for part in ("\\toprule", "\\midrule", "\\bottomrule", "\\caption{a\\_b", "\\label{tab:odd}"):
        assert part in text


def test_columns_are_chosen_by_the_beginning_of_their_titles(folder: Path) -> None:
    (table, _) = tables_of(folder, "leaderboard", "Rank,Clean acc")
    assert table.head == ["Model, FER labels", "Rank", "Clean accuracy"]
    every, _ = tables_of(folder, "leaderboard", "all")
    assert "Parameters" in every.head and len(every.head) > len(table.head)


def test_files_are_written_and_a_csv_is_the_download(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables.main(folder, "who-breaks", TableFormat.CSV, None, tmp_path)
    names = {path.stem for path in tmp_path.iterdir()}
    assert {"attacks-fer", "attacks-ferplus"} < names
    assert capsys.readouterr().out.count(".csv\n") == len(names)
    frame = pd.read_csv(tmp_path / "attacks-fer.csv")
    assert {"value", "ci_low", "ci_high", "status"} < set(frame)
    tables.main(folder, "corruptions", TableFormat.LATEX, None, tmp_path)
    assert "\\begin{tabular}" in (tmp_path / "corruptions.tex").read_text()
    capsys.readouterr()
    tables.main(folder, "leaderboard", TableFormat.MARKDOWN)
    assert "| Model, FER labels | Rank |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("columns", "titles"),
    [
        ("Clean, no leaked", ["Clean, no leaked"]),
        ("Rank, Clean,no leaked , Clean", ["Rank", "Clean", "Clean, no leaked"]),
        ("Clean", ["Clean", "Clean, no leaked"]),
        ("Clean, Rank", ["Rank", "Clean", "Clean, no leaked"]),
    ],
)
def test_a_title_with_a_comma_can_be_chosen(columns: str, titles: list[str]) -> None:
    head = ["Model", "Rank", "Clean", "Clean, no leaked"]
    table = Printed("leaderboard", "", "", head, [["a", "1", "90 %", "80 %"]], ["ok"], "", "")
    assert table.columns(columns).head == ["Model", *titles]


@pytest.mark.parametrize(
    ("section", "columns", "message"),
    [
        ("leader", None, "--section must be one of leaderboard, curves, .*; got 'leader'"),
        ("regions", None, "section regions has no table in this run"),
        ("leaderboard", "Speed", "--columns must name beginnings of Rank; .*; got 'Speed'"),
    ],
)
def test_bad_input_gets_one_line(
    folder: Path, section: str, columns: str | None, message: str
) -> None:
    with pytest.raises(InputError, match=message) as error:
        tables_of(folder, section, columns)
    assert "\n" not in str(error.value)
    with pytest.raises(InputError, match=r"section who-breaks has .* give --out FOLDER"):
        tables.main(folder, "who-breaks", TableFormat.CSV)


def test_the_leaderboard_has_one_csv(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables.main(folder, "leaderboard", TableFormat.CSV)
    frame = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert list(frame["model"]) == [FOUR[0], FOUR[2]]


def test_columns_of_a_csv_are_refused_as_they_would_have_no_effect(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match=r"--columns is for latex and markdown; .*got 'Rank'"):
        tables.main(folder, "leaderboard", TableFormat.CSV, "Rank")
    assert not capsys.readouterr().out
    tables.main(folder, "leaderboard", TableFormat.CSV, "all")
    assert capsys.readouterr().out.startswith("model,")


def test_a_csv_has_ten_significant_digits_as_the_documents_say() -> None:
    printed = Printed("t", "", "", ["a"], [], [], csv_uri(pd.DataFrame({"eps": [4 / 255]})), "t")
    assert printed.csv == "eps\n0.01568627451\n"
    for text in (str(tables.__doc__), (ROOT / "docs/paper.md").read_text()):
        assert "ten significant digits" in " ".join(text.split())
