"""The engine: one thread that processes all viewers' frames in order of arrival.

Each viewer has at most one frame waiting, so viewers take turns and no queue builds up.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import numpy as np

from live.model_loader import ModelLoader
from live.pipeline import SEARCH_SIDE, Pipeline, Tools
from live.reading import Reading
from live.settings import Settings

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Engine:
    """Runs pipelines on one thread.

    Attributes:
        models: loads classifiers.
    """

    def __init__(self, models: ModelLoader) -> None:
        self.models = models
        self._tools = Tools()
        self._worker = ThreadPoolExecutor(1, "engine")

    def warm(self) -> None:
        """Load what the page asks for when it opens, before it does; returns at once.

        That is the default classifier, the one compared with it, and the detector, whose first
        search takes longest.
        """
        settings = self.defaults(Settings())
        settings = settings.model_copy(update={"second": self.models.counterpart(self.first)})
        for model in settings.models:
            self.models.ask(model)
        self._worker.submit(
            self.pipeline().read, np.full((480, 640, 3), 128, np.uint8), settings, 0
        )

    def pipeline(self, search_side: int = SEARCH_SIDE) -> Pipeline:
        """Make a viewer's own pipeline, to pass to `read`."""
        return Pipeline(self.models, self._tools, search_side)

    def read(
        self, pipeline: Pipeline, image: np.ndarray, settings: Settings, seconds: float
    ) -> Reading:
        """Wait for a turn and process one frame; see `Pipeline.read`."""
        return self.run(pipeline.read, image, settings, seconds)

    def run(
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Wait for a turn and call a function on the engine's thread."""
        return self._worker.submit(work, *args, **kwargs).result()

    def defaults(self, settings: Settings) -> Settings:
        """Return the settings, with the default classifier if they name none."""
        return settings if settings.model else settings.model_copy(update={"model": self.first})

    @property
    def first(self) -> str:
        """Id of the default classifier."""
        return self.models.ids[0]
