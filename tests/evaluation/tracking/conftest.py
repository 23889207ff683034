"""The tiny finished run and its changed copies."""

from tests.evaluation.comparing.conftest import first, make

__all__ = ["first", "make"]
