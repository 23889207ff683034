"""The part of a run's `manifest.json` that commands read; the file may hold more."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field, field_validator


class Data(BaseModel):
    """The faces of a run."""

    name: str
    split: str
    sha256: str
    rows: int
    generated: bool
    notice: str
    labelled: dict[str, int]


class Model(BaseModel):
    """A model of a run, by its id."""

    label_set: str
    classes: tuple[str, ...]
    weights_sha256: str


class Perturbation(BaseModel):
    """One set of a run and its status."""

    perturbation: str
    status: str


class Manifest(BaseModel):
    """The fields of a run's manifest that are read back."""

    started: str
    config: dict[str, Any]
    data: Data
    models: dict[str, Model] = Field(min_length=1)
    perturbations: tuple[Perturbation, ...]

    @field_validator("started")
    @classmethod
    def _with_its_zone(cls, text: str) -> str:
        """Runs of several time zones are put in order."""
        if datetime.fromisoformat(text).tzinfo is None:
            raise ValueError(f"must be a time with its zone, such as {text}+00:00; got {text}")
        return text
