"""What cannot be done in the account, said to a person."""


class Refusal(Exception):
    """One sentence: what was found, what was expected, and the remedy.

    The command line prints it and exits with 2; everything else that is raised
    is a defect and keeps its traceback.
    """
