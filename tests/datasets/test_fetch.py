"""Fetching with fake clients: no network here. The md5 expected is that of a small csv."""

import gzip
import hashlib
import sys
import tarfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from datasets import published
from datasets.archives import csv_md5
from datasets.base.errors import InputError
from datasets.fetch import main
from datasets.read import open_source
from datasets.votes import VoteRule, vote_labels
from tests.datasets.factory import make_votes, write_source

FILES = ("fer2013.csv", "fer2013new.csv")


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small FER2013 that passes for the published one; votes come from a file: address."""
    folder = write_source(tmp_path / "published")
    md5 = hashlib.md5((folder / "fer2013.csv").read_bytes()).hexdigest()
    public = vote_labels(make_votes()[42:51], VoteRule.MAJORITY).values
    counts = tuple(int((public == label).sum()) for label in range(8))
    monkeypatch.setattr(published, "MD5", {"fer2013.csv": md5})
    monkeypatch.setattr(published, "ROWS", {"Training": 42, "PublicTest": 9, "PrivateTest": 9})
    monkeypatch.setattr(published, "PUBLIC_TEST_MAJORITY", counts)
    monkeypatch.setattr(published, "VOTES_URL", (folder / "fer2013new.csv").as_uri())
    return folder


@pytest.fixture(autouse=True)
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr("datasets.clients.find_spec", lambda name: fakes(tmp_path, name))


def fakes(tmp_path: Path, name: str) -> Path | None:
    path = tmp_path / "modules" / f"{name}.py"
    return path if path.exists() else None


def install(name: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client's Python module; forgotten after the test."""
    folder = tmp_path / "modules"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, name)


def install_kaggle(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "kaggle").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "kaggle").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def packed(source: Path) -> Path:
    path = source / "fer2013.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(source / "fer2013.csv", "fer2013/fer2013.csv")
        archive.add(source / "fer2013new.csv", "fer2013/README")
    return path


def test_the_md5_is_that_of_the_csv_inside(source: Path) -> None:
    (expected,) = published.MD5.values()
    assert csv_md5(source / "fer2013.csv") == expected
    path = packed(source)
    assert csv_md5(path) == expected
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError, match="expected a whole file"):
        csv_md5(path)


def test_kaggles_command_brings_the_archive(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    script = f'echo "$@" > {tmp_path}/asked; for last; do :; done; cp {packed(source)} "$last"'
    install_kaggle(script, tmp_path, monkeypatch)
    out = tmp_path / "data"
    assert main(out) == 0
    assert sorted(path.name for path in out.iterdir()) == ["fer2013.tar.gz", "fer2013new.csv"]
    asked = (tmp_path / "asked").read_text()
    assert f"competitions download -c {published.COMPETITION} -f fer2013.tar.gz -p" in asked
    said = capsys.readouterr().out
    assert "the published csv by its md5" in said
    assert f"next: python -m evaluation.run --data {out}" in said
    assert len(open_source(out).images) == 60


def test_kagglehub_is_asked_when_kaggle_fails(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    install_kaggle("exit 1", tmp_path, monkeypatch)
    text = f"""
def competition_download(handle, path):
    assert (handle, path) == ({published.COMPETITION!r}, "fer2013.tar.gz")
    return {str(packed(source))!r}
"""
    install("kagglehub", text, tmp_path, monkeypatch)
    out = tmp_path / "data"
    assert main(out) == 0
    assert "kaggle: exit code 1; it needs a token" in capsys.readouterr().err
    assert (out / "fer2013.tar.gz").exists()


def test_hugging_face_is_asked_last_and_its_folder_searched(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    install("kagglehub", "def competition_download(*_, **__): 1 / 0", tmp_path, monkeypatch)
    text = f"""
import gzip, pathlib
def hf_hub_download(repository, name, repo_type, local_dir):
    assert (repository, name) == ({published.HUB_REPOSITORY!r}, {published.HUB_FILE!r})
    assert repo_type == "dataset"
    (local_dir / "note.txt").write_text("not it")
    plain = pathlib.Path({str(source / "fer2013.csv")!r}).read_bytes()
    (local_dir / "faces.gz").write_bytes(gzip.compress(plain))
    return local_dir
"""
    install("huggingface_hub", text, tmp_path, monkeypatch)
    out = tmp_path / "data"
    assert main(out) == 0
    said = capsys.readouterr().err
    assert "kaggle: not installed" in said
    assert "kagglehub: ZeroDivisionError: division by zero" in said
    # an unknown name becomes one that --data finds
    assert sorted(path.name for path in out.iterdir()) == ["fer2013.tar.gz", "fer2013new.csv"]
    assert len(open_source(out).images) == 60


def test_another_file_is_left_out(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    other = tmp_path / "other.csv.gz"
    other.write_bytes(gzip.compress(b"emotion,pixels,Usage\n"))
    text = f"def competition_download(*_, **__): return {str(other)!r}"
    install("kagglehub", text, tmp_path, monkeypatch)
    out = tmp_path / "data"
    assert main(out) == 1
    said = capsys.readouterr()
    md5 = hashlib.md5(b"emotion,pixels,Usage\n").hexdigest()
    assert f"other.csv.gz: md5 {md5}, expected" in said.err
    assert "By hand" in said.out
    assert [path.name for path in out.iterdir()] == ["fer2013new.csv"]


def test_without_clients_it_says_what_to_do_by_hand(source: Path, tmp_path: Path, capsys) -> None:
    assert main(tmp_path / "data") == 1
    said = capsys.readouterr()
    for name in ("kaggle", "kagglehub", "huggingface_hub"):
        assert f"{name}: not installed" in said.err
    for words in (published.KAGGLE_PAGE, "accept the rules", str(tmp_path / "data"), ".[fetch]"):
        assert words in said.out


def test_what_is_there_is_checked_and_kept(source: Path, capsys) -> None:
    before = [(source / name).read_bytes() for name in FILES]
    assert main(source) == 0
    assert [(source / name).read_bytes() for name in FILES] == before
    assert "downloading" not in capsys.readouterr().err


def test_faces_of_another_md5_are_refused_and_left(source: Path, tmp_path: Path) -> None:
    with open(source / "fer2013.csv", "a") as file:
        file.write("\n")
    with pytest.raises(InputError, match=r"not the published file\. Move it away"):
        main(source)
    assert (source / "fer2013.csv").exists()


def test_votes_that_cannot_be_had_are_said(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    (source / "fer2013new.csv").unlink()
    assert main(source) == 1
    said = capsys.readouterr().out
    assert "No such file" in said
    assert f"download fer2013new.csv from {published.VOTES_PAGE} into {source}" in said


class CutShort(BaseHTTPRequestHandler):
    """Promises a thousand bytes, sends four and hangs up."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"Usag")

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_votes_that_are_cut_short_are_said(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    (source / "fer2013new.csv").unlink()
    monkeypatch.setenv("no_proxy", "*")
    with HTTPServer(("127.0.0.1", 0), CutShort) as server:
        Thread(target=server.handle_request, daemon=True).start()
        monkeypatch.setattr(published, "VOTES_URL", f"http://127.0.0.1:{server.server_port}/")
        assert main(source) == 1
    said = capsys.readouterr().out
    assert (
        "votes: IncompleteRead(4 bytes read, 996 more expected); download fer2013new.csv from"
        in said
    )
    assert [path.name for path in source.iterdir()] == ["fer2013.csv"]


@pytest.mark.parametrize("harm", ["short", "other"])
def test_wrong_votes_are_not_kept(
    harm: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    lines = (source / "fer2013new.csv").read_text().splitlines(keepends=True)
    (source / "fer2013new.csv").unlink()
    wrong = tmp_path / "wrong.csv"
    if harm == "short":
        wrong.write_text("".join(lines[:50]))
    else:  # all ten votes of every PublicTest face for neutral
        lines[43:52] = [f"PublicTest,x,10{',0' * 9}\n"] * 9
        wrong.write_text("".join(lines))
    monkeypatch.setattr(published, "VOTES_URL", wrong.as_uri())
    assert main(source) == 1
    said = capsys.readouterr().out
    assert {"short": "at least 60 rows", "other": "not the published votes"}[harm] in said
    assert "The download was not kept" in said
    assert [path.name for path in source.iterdir()] == ["fer2013.csv"]
