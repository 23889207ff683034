"""What one call of ART costs."""

from dataclasses import dataclass

import numpy as np

from attacks.base import Cost


@dataclass
class Spent:
    """Images that passed forward and backward through the net during one call of ART."""

    forward: int = 0
    backward: int = 0
    zero_gradients: int = 0

    def share(self, count: int) -> Cost:
        """Cost of each of `count` images, rounded up."""
        totals = (self.forward, self.backward, self.zero_gradients)
        return Cost(*(np.full(count, -(-total // count), np.int64) for total in totals))
