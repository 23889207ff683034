"""The best plan against a repeater: which class each frame should show, of those it can."""

import numpy as np


def plan_against_repeater(
    reached: np.ndarray, labels: np.ndarray, counted: np.ndarray, repeat: int
) -> np.ndarray:
    """Choose the predictions by which a repeater holds wrong labels in the most frames.

    Dynamic programming over what a repeater knows: label held, last prediction, and how often it
    was repeated. No other choice among the reached classes does better.

    Args:
        reached: bool (K, T), classes that each frame can show, at least one each.
        labels: int64 (T,), what should be held.
        counted: bool (T,), frames in which another label counts.
        repeat: predictions in a row that change the label held.

    Returns:
        int64 (T,), a reached class per frame.

    Source: Bellman 1957, "Dynamic programming", chapter III.
    """
    classes, frames = reached.shape
    values = np.zeros((classes, classes, repeat))  # by held label, last prediction, run - 1
    choices = np.empty((frames, classes, classes, repeat), np.int16)
    held = np.arange(classes)
    for t in reversed(range(1, frames)):
        best = np.full_like(values, -1.0)
        for shown in np.flatnonzero(reached[:, t]).tolist():
            wrong = counted[t] * (held != labels[t])
            total = np.empty_like(values)
            if repeat == 1:
                total[:] = wrong[shown] + values[shown, shown, 0]
            else:
                total[:] = (wrong + values[:, shown, 0])[:, None, None]  # the run starts anew
                total[:, shown, :-2] = wrong[:, None] + values[:, shown, 1:-1]
                total[:, shown, -2:] = wrong[shown] + values[shown, shown, -1]
            better = total > best
            best[better], choices[t][better] = total[better], shown
        values = best
    options = np.flatnonzero(reached[:, 0])
    firsts = [counted[0] * (k != labels[0]) + values[k, k, 0] for k in options]
    return _followed(choices, int(options[int(np.argmax(firsts))]), repeat)


def _followed(choices: np.ndarray, first: int, repeat: int) -> np.ndarray:
    """Predictions int64 (T,) from the first one on, by the choices made for every state."""
    path, held, run = [first], first, 1
    for choice in choices[1:]:
        shown = int(choice[held, path[-1], run - 1])
        run = min(run + 1, repeat) if shown == path[-1] else 1
        held = shown if run >= repeat else held
        path.append(shown)
    return np.array(path, np.int64)
