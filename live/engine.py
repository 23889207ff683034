"""The engine: one thread that reads everybody's frames, in the order they come.

Every viewer has one frame with it at most, so viewers take turns and nothing queues up.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from live.pipeline import SEARCH_SIDE, Pipeline, Tools
from live.reading import Reading
from live.settings import Settings
from live.shelf import Shelf


class Engine:
    """Runs pipelines on one thread.

    Attributes:
        shelf: of classifiers.
    """

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self._tools = Tools()
        self._worker = ThreadPoolExecutor(1, "engine")

    def pipeline(self, search_side: int = SEARCH_SIDE) -> Pipeline:
        """A viewer's own pipeline; hand it to `read`."""
        return Pipeline(self.shelf, self._tools, search_side)

    def read(
        self, pipeline: Pipeline, image: np.ndarray, settings: Settings, seconds: float
    ) -> Reading:
        """Wait for the turn and read one frame; see `Pipeline.read`."""
        return self._worker.submit(pipeline.read, image, settings, seconds).result()

    def defaults(self, settings: Settings) -> Settings:
        """The settings with the shelf's first classifier where none is named."""
        return settings if settings.model else settings.model_copy(update={"model": self.first})

    @property
    def first(self) -> str:
        """Id of the default classifier."""
        return self.shelf.ids[0]
