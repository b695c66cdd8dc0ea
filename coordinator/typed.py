"""What an admin types at a terminal, as the values that the API takes."""

from protocols.errors import BadInput


def parameters(words: list[str]) -> dict[str, str | int | list[int]]:
    """A question's parameters from words like ``until=2017-08-14``.

    Raises:
        BadInput: a word that is not NAME=VALUE.
    """
    parsed: dict[str, str | int | list[int]] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise BadInput(
                expected="parameters as name=value", came=word, do="write for example until=2017-08-14"
            )
        parsed[name] = value
    return parsed


def durations(text: str) -> list[int] | None:
    """Seconds of the five phases; None for nothing typed.

    Raises:
        BadInput: not whole numbers with commas between.
    """
    if not text:
        return None
    try:
        return [int(word) for word in text.split(",")]
    except ValueError:
        raise BadInput(
            expected="five whole numbers of seconds", came=text, do="write 60,60,600,60,60"
        ) from None
