"""The one error a user can cause and mend: one line, exit code 2, no traceback."""


class InputError(ValueError):
    """Bad input from outside: a file, an option, an image.

    The message is one line: the rule, the value received, the next step.
    """
