"""What can go wrong with the outside world.

Whether to try again is the type of the exception, never a flag or a text:
`TryAgainLater` is retried by itself, the others wait for a person.
The message is short and never holds a secret. It is made in English, of a text that
is marked to be translated and of what is filled into it: see `ConnectorError`.
"""

from __future__ import annotations

from typing import Any

from .marks import _lt

LACKS = _lt("The account lacks this: %(label)s.")
# What token servers (OAuth 2.0, RFC 6749 5.2) and shops call secrets that do not do.
UNAUTHORIZED = frozenset(
    {"invalid_client", "invalid_grant", "unauthorized_client", "missing_credentials"}
)


class ConnectorError(Exception):
    """The base of them all; `str(error)` can be shown to a person.

    In another language that is `template`, translated, with `values` filled in; of
    these, `label` is a marked text itself.
    """

    def __init__(self, template: str, **values: Any):
        super().__init__(template % values if values else template)
        self.template = template
        self.values = values


class Untrusted(ConnectorError):
    """The signature is missing or wrong: nothing of the body may be believed."""


class Unreadable(ConnectorError):
    """A genuine message that the connector cannot make sense of: keep it, show it."""


class TryAgainLater(ConnectorError):
    """The other side is busy, down or out of reach; the same call may work later.

    `retry_after` is the wait in seconds that was asked for, or None.
    """

    def __init__(self, template: str, retry_after: float | None = None, **values: Any):
        super().__init__(template, **values)
        self.retry_after = retry_after


class Refused(ConnectorError):
    """The other side said no for good (bad secret, no permission, not found).

    `status` is the HTTP status and `code` the other side's own word for it, where
    there were any.
    """

    def __init__(
        self, template: str, status: int | None = None, code: str = "", **values: Any
    ):
        super().__init__(template, **values)
        self.status = status
        self.code = code

    @property
    def unauthorized(self) -> bool:
        """Whether the account's secrets are wrong, expired or withdrawn.

        Every other call would be refused too: leave the account alone until a
        person has looked at it.
        """
        return self.status == 401 or self.code in UNAUTHORIZED


def shown(value: Any) -> str:
    """A little of what was found, fit to be shown to a person in an error."""
    found = value if isinstance(value, str) else repr(value)
    return "".join(char if char.isprintable() else "?" for char in found[:40])
