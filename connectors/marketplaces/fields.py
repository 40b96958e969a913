"""What an account may hold: secrets, options, and the states it goes by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Credential:
    """One thing that an account must or may hold to speak with the marketplace.

    `name` is the key in the settings, and the name of the field on the account's
    form: base_url, api_key, api_secret, access_token, webhook_secret,
    webhook_secret_previous. `default` stands for what is left empty.
    """

    name: str
    label: str
    secret: bool = True
    required: bool = True
    help: str = ""
    default: str = ""


@dataclass(frozen=True)
class Option:
    """A choice of the account that is no secret.

    `kind` is choice, multiple, text, number or boolean. The value comes as text in
    the settings, under `name`: several choices with commas between, a boolean as "1"
    or "". `choices` are (value, label).
    """

    name: str
    label: str
    kind: str = "choice"
    choices: tuple[tuple[str, str], ...] = ()
    default: str = ""
    help: str = ""

    def __post_init__(self):
        if self.kind not in ("choice", "multiple", "text", "number", "boolean"):
            raise ValueError(f"no such kind of option: {self.kind}")
