"""Short-lived access tokens, fetched when needed and kept in the caller's cache."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .cache import Cache
from .errors import Refused
from .http import Http
from .marks import _lt
from .readers import decimal, mapping, text

# A token is renewed so many seconds before it ends.
MARGIN = 20


class Token:
    """One access token. `fetch` gives the token server's answer (RFC 6749, 5.1)."""

    def __init__(self, cache: Cache, key: str, fetch: Callable[[], Mapping[str, Any]]):
        self._cache = cache
        self._key = key
        self._fetch = fetch

    def value(self) -> str:
        """The token; raises `Refused` or `TryAgainLater`."""
        kept = self._cache.get(self._key)
        if kept:
            return kept
        answer = mapping(self._fetch(), "token")
        token = text(answer, "access_token")
        if not token:
            raise Refused(_lt("The token server gives no token."))
        seconds = float(decimal(answer.get("expires_in"), "expires_in") or 60)
        if seconds > MARGIN:
            self._cache.set(self._key, token, seconds - MARGIN)
        return token

    def forget(self) -> bool:
        """Have a new one fetched next time. True: it is worth a try."""
        self._cache.set(self._key, "", 0)
        return True


def token_answer(http: Http, path: str, form: Mapping[str, str]) -> Any:
    """Ask a token server; a refusal of it is always about the account's secrets."""
    try:
        return http.json_of(http.post_form(path, form))
    except Refused as error:
        if error.status in (400, 401, 403):
            raise Refused(error.template, 401, error.code, **error.values) from None
        raise
