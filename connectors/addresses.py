"""Addresses that may be called: those on an account, checked."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

from .errors import Refused
from .marks import _lt


def checked_base_url(base_url: str) -> str:
    """The shop's address without a closing slash; raises `Refused`."""
    base_url = (base_url or "").strip()
    if base_url and "://" not in base_url:
        base_url = f"https://{base_url}"
    try:
        parts = urlsplit(base_url)
        secure = parts.scheme == "https" or (
            parts.scheme == "http" and is_loopback(parts.hostname)
        )
        valid = secure and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise Refused(_lt("The account needs the https:// address of the shop."))
    if parts.username or parts.password or parts.query or parts.fragment:
        raise Refused(_lt("The address of the shop must be plain: https://host/path."))
    return base_url.rstrip("/")


def host_of(address: str) -> str:
    """The host name in an address, however it is written."""
    try:
        return urlsplit(checked_base_url(address)).hostname or ""
    except Refused:
        return ""


def is_loopback(host: str | None) -> bool:
    """Whether the host is this very machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port."""
    parts: SplitResult = urlsplit(url)
    default = {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, parts.hostname, parts.port or default
