"""The campaign of hostile input: what it counts as a fault."""

from pathlib import Path

from benchmarks.fuzz import _try


def test_a_process_that_crashes_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "test_reader.py"
    path.write_text("import os\n\n\ndef test_reader():\n    os.abort()\n")
    assert _try(f"{path}::test_reader", 1).faults == 1
