"""The rule that a foreign model takes one input and gives one output."""


def require_one(inputs: int, outputs: int) -> None:
    """Refuse a model of several inputs or outputs.

    Raises:
        ValueError: either count is not 1.
    """
    if inputs != 1:
        raise ValueError(f"it takes {inputs} inputs, not one")
    if outputs != 1:
        raise ValueError(f"it has {outputs} outputs, not one: export the emotions alone")
