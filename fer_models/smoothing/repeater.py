"""Debounced labels: a label changes only after several equal predictions in a row."""


class Repeater:
    """The label shown for one face and one classifier.

    Attributes:
        held: class index shown; None before the first prediction.
    """

    def __init__(self) -> None:
        self.held: int | None = None
        self._candidate, self._run = -1, 0

    def update(self, predicted: int, repeat: int) -> int:
        """Take the next prediction.

        Args:
            predicted: class index.
            repeat: equal predictions in a row that change the label; 1 shows each prediction.

        Returns:
            The class index to show; the first prediction is shown at once.
        """
        self._run = self._run + 1 if predicted == self._candidate else 1
        self._candidate = predicted
        if self.held is None or self._run >= repeat:
            self.held = predicted
        return self.held
