"""Periods of the one-stop shop and when its returns are due.

Sources: Regulation (EU) 282/2011 art. 61 (corrections within three years of the date by
which the original return was to be submitted, in a later return); directive 2006/112
art. 369f (quarters, due by the end of the month that follows), 369h (rates of exchange
of the last day of the period).
"""

import calendar
from datetime import date

YEARS = 3


def quarter(day):
    """Return the quarter of ``day`` as ``2026-Q1``, which also sorts by time."""
    return f"{day.year}-Q{(day.month + 2) // 3}"


def bounds(period):
    """Return the first and the last day of ``period``."""
    year, number = _split(period)
    month = 3 * number
    return date(year, month - 2, 1), date(year, month, _last_day(year, month))


def due_date(period):
    """Return the day by which the return of ``period`` is to be submitted."""
    year, number = _split(period)
    year, month = (year + 1, 1) if number == 4 else (year, 3 * number + 1)
    return date(year, month, _last_day(year, month))


def last_day_to_correct(period):
    """Return the last day on which a return may still correct ``period``."""
    due = due_date(period)
    return due.replace(year=due.year + YEARS)


def declarable_country(code):
    """Return the country's code as tax administrations write it: Greece is EL."""
    return "EL" if code == "GR" else code


def _split(period):
    year, number = period.split("-Q")
    return int(year), int(number)


def _last_day(year, month):
    return calendar.monthrange(year, month)[1]
