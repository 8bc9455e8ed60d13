"""The one exception whose text is written for the person who runs the pipeline."""


class UserError(Exception):
    """Something the user can mend. Shown as `error: ...` without a traceback; `next` says what to do about it."""

    def __init__(self, message: str, *, next: str | None = None):
        super().__init__(message)
        self.next = next

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message}\n  next: {self.next}" if self.next else message
