"""The one error that a user's input can cause."""


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message says what was got, what was expected and what to do; the page and the command line show it as it
    stands.
    """


def first_line(error: BaseException) -> str:
    """What an error says in its first line, or its name if it says nothing (as `EOFError` of an empty file)."""
    return (str(error).splitlines() or [type(error).__name__])[0]
