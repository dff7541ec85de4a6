"""InputError, the one error that a user's input can cause."""


class InputError(ValueError):
    """Input of the user that cannot be used.

    The message says what was got, what was expected and what to do; the page and the command line show it as it
    stands.
    """


def first_line(error: BaseException) -> str:
    """First line of an error's message, or its name if it says nothing (as `EOFError` of an empty file)."""
    return (str(error).splitlines() or [type(error).__name__])[0]
