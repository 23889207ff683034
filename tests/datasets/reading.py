"""Reading that must fail, with one line that says enough."""

from pathlib import Path
from typing import Any

import pytest

from datasets.base.errors import InputError
from datasets.read import open_source


def fails(path: Path, *parts: str, **options: Any) -> None:
    """Reading raises one line that names the file and all parts."""
    with pytest.raises(InputError) as caught:
        open_source(path, progress=False, **options)
    message = str(caught.value)
    assert "\n" not in message
    missing = [part for part in parts if part not in message]
    assert not missing, f"{missing} not in: {message}"
