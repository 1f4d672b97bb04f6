"""What the bench cannot measure, said to a person."""


class Refusal(ValueError):
    """One sentence: what was found, what was expected, and the remedy.

    The command line prints it and exits with 2; everything else that is raised
    is a defect and keeps its traceback.
    """
