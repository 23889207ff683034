"""A labeller of clips that takes turns with the viewers' frames."""

from collections.abc import Callable, Sequence

from live.engine import Engine
from live.reading import Face
from live.settings import Settings
from live.video.find import FoundFace
from live.video.label import Arguments, Labeller, Result


class SharedLabeller(Labeller):
    """Labels on the engine's thread, with the engine's classifiers."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        """See `Labeller`."""
        self._engine = engine
        super().__init__(engine.models, settings)

    def run(
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Wait for a turn and call a function that asks the classifiers."""
        return self._engine.run(work, *args, **kwargs)

    def label(self, found: Sequence[FoundFace], tracks: Sequence[int]) -> list[Face]:
        """Wait for a turn and label faces; see `Labeller.label`."""
        return self._engine.run(super().label, found, tracks)
