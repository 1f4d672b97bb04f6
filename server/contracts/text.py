"""Values that are written as text: in a form, a query, a file of lines."""

from server.signature import Feature, Value, is_text


def value_of(feature: Feature, text: str) -> Value | None:
    """Return the JSON value that a text stands for; bad text stays text.

    Nothing is a missing value.
    """
    if text == "":
        return None
    if is_text(feature):
        # browsers send a line break as two characters (HTML standard, section 4.10.21)
        return text if text in feature.categories else text.replace("\r\n", "\n")
    if text in ("true", "false"):
        return text == "true"
    try:
        number = float(text)
    except ValueError:
        return text
    if number.is_integer() and abs(number) < 2**53:
        return int(number)
    return number if abs(number) != float("inf") and number == number else text
