"""`--track mlflow[:URI]`: where a run is tracked.

Not here: what is sent (`record.py`) and how (`mlflow_server.py`). Nothing heavy is imported.
"""

import re
from dataclasses import dataclass
from importlib.util import find_spec

from datasets.base.errors import InputError

_FORM = "Write mlflow, mlflow:http://HOST:5000 or mlflow:sqlite:///FILE.db"


@dataclass(frozen=True)
class Target:
    """A tracker.

    Attributes:
        uri: address of the MLflow server or store; empty for what MLflow is configured with.
    """

    uri: str

    def __str__(self) -> str:
        return without_password(f"mlflow:{self.uri}" if self.uri else "mlflow")


def without_password(text: str) -> str:
    """Hide user and password of every address in a text: `http://***@HOST`."""
    return re.sub(r"//[^/\s]+@", "//***@", text)


def parse_target(text: str) -> Target:
    """Read `mlflow` or `mlflow:URI`.

    Raises:
        InputError: another tracker, an empty URI, or MLflow is not installed.
    """
    name, colon, uri = text.partition(":")
    if name != "mlflow" or (colon and not uri.strip()):
        raise InputError(
            f"--track must be mlflow or mlflow:URI; got {without_password(text)!r}. {_FORM}."
        )
    if find_spec("mlflow") is None:
        raise InputError(
            f"--track {without_password(text)} needs MLflow; found none. Install it: "
            'pip install -e ".[mlflow]"'
        )
    return Target(uri.strip())
