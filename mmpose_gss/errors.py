"""What a user can mend."""


class UserError(ValueError):
    """A fault of the input, which the user can mend; the message is one sentence with the remedy.

    The command lines turn it (and a missing file) into one line; every other exception keeps its traceback,
    as it is a fault of the program.
    """
