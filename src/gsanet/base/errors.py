"""The one kind of error that is shown to a user as a single line."""


class GsanetError(Exception):
    """Something the user can act on. The message says what, where and what to do, in one line.

    The command line prints it without a traceback and exits with 1.
    """


class Stopped(GsanetError):
    """The user pressed Ctrl-C, or the system asked to stop; the message says what is kept.

    Args:
        code: what the command line exits with: 130 for Ctrl-C, 143 for SIGTERM.
    """

    def __init__(self, message: str, code: int = 130) -> None:
        super().__init__(message)
        self.code = code
