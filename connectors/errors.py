"""What can go wrong with the outside world.

Whether to try again is the type of the exception, never a flag or a text:
`TryAgainLater` is retried by itself, the others wait for a person.
The message is short, in English, and never holds a secret.
"""

from __future__ import annotations

# What token servers (OAuth 2.0, RFC 6749 5.2) and shops call secrets that do not do.
UNAUTHORIZED = frozenset(
    {"invalid_client", "invalid_grant", "unauthorized_client", "missing_credentials"}
)


class ConnectorError(Exception):
    """The base of them all; `str(error)` can be shown to a person."""


class Untrusted(ConnectorError):
    """The signature is missing or wrong: nothing of the body may be believed."""


class Unreadable(ConnectorError):
    """A genuine message that the connector cannot make sense of: keep it, show it."""


class TryAgainLater(ConnectorError):
    """The other side is busy, down or out of reach; the same call may work later.

    `retry_after` is the wait in seconds that was asked for, or None.
    """

    def __init__(self, message: str, retry_after: float | None = None):
        super().__init__(message)
        self.retry_after = retry_after


class Refused(ConnectorError):
    """The other side said no for good (bad secret, no permission, not found).

    `status` is the HTTP status and `code` the other side's own word for it, where
    there were any.
    """

    def __init__(self, message: str, status: int | None = None, code: str = ""):
        super().__init__(message)
        self.status = status
        self.code = code

    @property
    def unauthorized(self) -> bool:
        """Whether the account's secrets are wrong, expired or withdrawn.

        Every other call would be refused too: leave the account alone until a
        person has looked at it.
        """
        return self.status == 401 or self.code in UNAUTHORIZED
