"""What is due and which step comes next: sums and dates, without records."""

from dataclasses import dataclass, field
from datetime import date

DAYS_OF_THE_YEAR = 365


@dataclass(slots=True)
class OpenLine:
    """One due-dated line of a customer that is open, or an open credit.

    ``residual`` is in the line's currency, ``residual_company`` in the company's; both
    are negative for a credit. ``step`` is the last one that a letter took (-1: none)
    at ``last``. ``interest_until`` is the day up to which interest was booked.
    """

    id: int
    move_id: int
    currency_id: int
    due: date
    total: float
    residual: float
    residual_company: float
    step: int = -1
    last: date | None = None
    indemnity_booked: bool = False
    interest_until: date | None = None
    is_charge: bool = False


@dataclass(slots=True)
class Step:
    """One level of a plan; amounts are in the company's currency."""

    id: int
    days: int = 0
    interval: int = 0
    minimum: float = 0.0
    fee: float = 0.0
    rate: float = 0.0
    indemnity: float = 0.0


@dataclass(slots=True)
class Reminded:
    """What a letter says about one line."""

    line: OpenLine
    credited: float = 0.0
    step: int = -1
    level_id: int | None = None
    days_late: int = 0
    fee: float = 0.0
    interest: float = 0.0
    interest_days: int = 0
    rate: float = 0.0
    indemnity: float = 0.0

    @property
    def due(self):
        """What is left of the line once the open credits are taken off."""
        return self.line.residual - self.credited


@dataclass(slots=True)
class Reminder:
    """One letter: its lines, those of credits among them, and its level."""

    lines: list[Reminded] = field(default_factory=list)
    step: int = -1
    level_id: int | None = None
    amount: float = 0.0
    oldest: date | None = None


def remind(lines, steps, today, round_amount, **options):
    """Return the letter that a customer's open lines ask for today, or None.

    :param lines: all open lines of one customer in one company: overdue ones and
        credits, of any currency
    :param steps: the levels of the customer's plan in their order; none for a letter
        without a level
    :param round_amount: ``(currency_id, amount) -> amount``; 0 is the company's
    :param options: ``minimum``: nothing is asked for at or below it; ``forced``: the
        position of the level that the accountant chose; ``business``: whether
        interest and indemnity may be asked
    """
    reminder = Reminder(lines=_overdue_net_of_credits(lines, today, round_amount))
    overdue = [told for told in reminder.lines if told.line.residual > 0]
    if not overdue:
        return None
    reminder.amount = round_amount(
        0, sum(told.line.residual_company for told in reminder.lines)
    )
    reminder.oldest = min(told.line.due for told in overdue)
    if reminder.amount <= 0 or reminder.amount < options.get("minimum", 0.0):
        return None
    if not steps:
        return reminder
    if not _take_steps(reminder, steps, today, options.get("forced")):
        return None
    _add_charges(reminder, steps, today, round_amount, options.get("business", True))
    return reminder


def _overdue_net_of_credits(lines, today, round_amount):
    """Take the open credits off the oldest lines of their currency.

    Of a currency in which the customer owes nothing, nothing is told.
    """
    told = []
    by_currency = {}
    for line in lines:
        by_currency.setdefault(line.currency_id, []).append(line)
    for currency_id, mine in by_currency.items():
        overdue = [
            Reminded(line, days_late=(today - line.due).days)
            for line in mine
            if line.residual > 0 and line.due < today
        ]
        overdue.sort(key=lambda told: (told.line.due, told.line.id))
        credits = [line for line in mine if line.residual < 0]
        if credits and not _take_off(credits, overdue, currency_id, round_amount):
            continue
        told += overdue
        told += [Reminded(line) for line in credits]
    return told


def _take_off(credits, overdue, currency_id, round_amount):
    """Take credits off what is overdue; return whether something of it is left."""
    left = round_amount(currency_id, -sum(line.residual for line in credits))
    total = round_amount(currency_id, sum(told.line.residual for told in overdue))
    if total <= left:
        return False
    for told in overdue:
        told.credited = min(left, told.line.residual)
        left = round_amount(currency_id, left - told.credited)
    return True


def _take_steps(reminder, steps, today, forced):
    """Give each line that is due for it its next level; the highest is the letter's."""
    open_lines = [told for told in reminder.lines if told.due > 0]
    stepping = []
    for told in open_lines:
        position = _next_step(told, steps, today)
        if position is not None and steps[position].minimum <= reminder.amount:
            told.step, told.level_id = position, steps[position].id
            stepping.append(told)
    if forced is not None:
        stepping = _force_step(open_lines, stepping, steps, forced)
    if not stepping:
        return False
    reminder.step = max(told.step for told in stepping)
    reminder.level_id = steps[reminder.step].id
    return True


def _next_step(told, steps, today):
    """Return the position of the next level of a line, if its time has come."""
    line, position = told.line, told.line.step + 1
    if position >= len(steps) or told.days_late < steps[position].days:
        return None
    if line.last and (today - line.last).days < steps[position].interval:
        return None
    return position


def _force_step(open_lines, stepping, steps, forced):
    """Move to the level that was chosen what has not been there yet.

    Lines that wait for a higher level come back to it, those that the letter is about
    go up to it.
    """
    stepping = stepping or open_lines
    chosen = [told for told in stepping if told.line.step < forced]
    for told in open_lines:
        told.step, told.level_id = -1, None
    for told in chosen:
        told.step, told.level_id = forced, steps[forced].id
    return chosen


def _add_charges(reminder, steps, today, round_amount, business):
    """Add interest and indemnity by line, and the fee once a letter."""
    indemnified = set()
    for told in reminder.lines if business else ():
        if told.step < 0 or told.line.is_charge:
            continue
        step = steps[told.step]
        _add_interest(told, step, today, round_amount)
        move = told.line.move_id
        if (
            step.indemnity
            and move not in indemnified
            and not told.line.indemnity_booked
        ):
            told.indemnity = round_amount(0, step.indemnity)
            indemnified.add(move)
    if not steps[reminder.step].fee:
        return
    for told in reminder.lines:
        if told.step == reminder.step and not told.line.is_charge:
            told.fee = round_amount(0, steps[reminder.step].fee)
            break


def _add_interest(told, step, today, round_amount):
    """Overdue amount × rate × days / 365, for the days not booked before."""
    if not step.rate:
        return
    since = max(told.line.due, told.line.interest_until or told.line.due)
    told.interest_days = max((today - since).days, 0)
    told.rate = step.rate
    told.interest = round_amount(
        told.line.currency_id,
        told.due * step.rate / 100 * told.interest_days / DAYS_OF_THE_YEAR,
    )
