"""The one error that a user's input can cause."""


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message says what was got, what was expected and what to do; the page and the command line show it as it
    stands.
    """
