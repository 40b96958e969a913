"""Texts that are translated where they are shown: nothing here knows languages."""

from __future__ import annotations


def _lt(text: str) -> str:
    """Mark a text for those who gather what is to be translated."""
    return text
