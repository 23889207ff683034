"""The rule that a foreign model takes one input."""


def require_one(inputs: int) -> None:
    """Refuse a model of several inputs.

    Raises:
        ValueError: the count is not 1.
    """
    if inputs != 1:
        raise ValueError(f"it takes {inputs} inputs, not one")
