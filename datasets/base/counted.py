"""A number with what it counts: `1 face`, `3 faces`."""


def counted(number: int, noun: str) -> str:
    """The number and the noun, in the plural unless it is one.

    Args:
        number: of Python or numpy.
        noun: in the singular, with a regular plural.
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"
