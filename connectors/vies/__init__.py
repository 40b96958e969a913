"""VIES: is a VAT number valid for intra-community trade?

Three answers, never two: what could not be asked is unknown, not invalid. Only the
service's own `valid` counts; every fault, timeout or strange answer is `unknown`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import requests
import zeep
from lxml import etree
from stdnum.eu import vat as eu_vat

WSDL = Path(__file__).with_name("checkVatService.wsdl")
ADDRESS = "https://ec.europa.eu/taxation_customs/vies/services/checkVatService"
BINDING = "{urn:ec.europa.eu:taxud:vies:services:checkVat}checkVatBinding"
TIMEOUT = 15  # seconds
VALID, INVALID, UNKNOWN = "valid", "invalid", "unknown"
# Of the service's own; anything else is told by its kind.
FAULTS = frozenset(
    {
        "INVALID_INPUT",
        "INVALID_REQUESTER_INFO",
        "SERVICE_UNAVAILABLE",
        "MS_UNAVAILABLE",
        "TIMEOUT",
        "VAT_BLOCKED",
        "IP_BLOCKED",
        "GLOBAL_MAX_CONCURRENT_REQ",
        "GLOBAL_MAX_CONCURRENT_REQ_TIME",
        "MS_MAX_CONCURRENT_REQ",
        "MS_MAX_CONCURRENT_REQ_TIME",
    }
)
# VIES writes a placeholder where a country does not tell.
NOT_TOLD = re.compile(r"^[-\s]*$")


@dataclass(frozen=True)
class Answer:
    """What VIES said, or why it said nothing."""

    state: str
    identifier: str = ""
    name: str = ""
    address: str = ""
    fault: str = ""


def split(number: str) -> tuple[str, str]:
    """Return country and number as VIES wants them: Greece is EL, without signs."""
    compact = re.sub(r"[\s.\-/]", "", number or "").upper()
    country = compact[:2]
    return ("EL" if country == "GR" else country), compact[2:]


def has_form(number: str) -> bool:
    """Tell whether ``number`` has the form, and the check digits, of its country."""
    country, rest = split(number)
    if country == "XI":  # Northern Ireland: that of the United Kingdom
        return bool(re.fullmatch(r"(\d{9}|\d{12}|(GD|HA)\d{3})", rest))
    try:
        return eu_vat.is_valid(country + rest)
    except Exception:  # a number that stdnum itself stumbles over
        return False


class Vies:
    """One client; making it reads the WSDL of the addon and nothing from outside."""

    def __init__(self, address: str = ADDRESS, timeout: float = TIMEOUT):
        session = requests.Session()
        session.headers["User-Agent"] = "avoir"
        transport = zeep.Transport(
            session=session, timeout=timeout, operation_timeout=timeout
        )
        client = zeep.Client(WSDL.as_uri(), transport=transport)
        self._service = client.create_service(BINDING, address)

    def ask(self, number: str, requester: str = "") -> Answer:
        """Ask for one number; never raises.

        :param number: with its country's prefix
        :param requester: the VAT number of who asks, without which VIES gives no
            identifier of the consultation
        """
        country, rest = split(number)
        own_country, own_rest = split(requester)
        asked = {"countryCode": country, "vatNumber": rest}
        if own_rest:
            asked |= {
                "requesterCountryCode": own_country,
                "requesterVatNumber": own_rest,
            }
        try:
            reply = self._service.checkVatApprox(**asked)
        except zeep.exceptions.Fault as fault:
            return Answer(UNKNOWN, fault=_fault_code(fault))
        except requests.Timeout:
            return Answer(UNKNOWN, fault="TIMEOUT")
        except (requests.RequestException, OSError):
            return Answer(UNKNOWN, fault="NO_CONNECTION")
        except (zeep.exceptions.Error, etree.Error, ValueError, TypeError):
            return Answer(UNKNOWN, fault="UNREADABLE")
        return _read(reply, country, rest)


def _fault_code(fault) -> str:
    message = (fault.message or "").strip().upper()
    found = re.search(r"[A-Z]+(?:_[A-Z]+)+|TIMEOUT", message)
    return found.group() if found and found.group() in FAULTS else "FAULT"


def _read(reply, country, rest) -> Answer:
    valid = getattr(reply, "valid", None)
    if valid is None or (reply.countryCode, _compact(reply.vatNumber)) != (
        country,
        rest,
    ):
        # Not an answer, or one about another number.
        return Answer(UNKNOWN, fault="UNREADABLE")
    address = reply.traderAddress or " ".join(
        part
        for part in (reply.traderStreet, reply.traderPostcode, reply.traderCity)
        if part
    )
    return Answer(
        VALID if valid else INVALID,
        identifier=(reply.requestIdentifier or "").strip(),
        name=_told(reply.traderName),
        address=_told(address),
    )


def _compact(text) -> str:
    return re.sub(r"[\s.\-/]", "", text or "").upper()


def _told(text) -> str:
    text = (text or "").strip()
    return "" if NOT_TOLD.match(text) else text
