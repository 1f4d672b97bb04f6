"""What is wrong with the bytes of a saved file."""


class Damaged(ValueError):
    """The bytes are not a whole pickle, or not a whole archive."""


NO_SENSE = "its instructions make no sense"
