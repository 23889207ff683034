"""The error for a user's mistakes: one line, exit code 2, no traceback."""


class InputError(ValueError):
    """Invalid input: a file, an option, an image.

    The message is one line: the rule, the value received, and the next step.
    """
