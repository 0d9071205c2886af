"""Random rules of the grammar, each with a day on which a series can start."""

from datetime import date, timedelta

from tests.support.recurrence_model import WEEKDAYS, matches, read

INTERVALS = {"DAILY": 999, "WEEKLY": 99, "MONTHLY": 99, "YEARLY": 20}


def _some(random, values):
    return random.sample(values, random.randint(1, min(len(values), random.choice([1, 1, 2, 7]))))


def _month_days(random):
    return ",".join(map(str, _some(random, [*range(1, 32), *range(-31, 0)])))


def _numbered(random):
    return ",".join(
        _some(random, [f"{number}{day}" for number in (1, 2, 3, 4, 5, -1, -2, -3, -4, -5) for day in WEEKDAYS])
    )


def _weekly(random):
    yield from random.choice([[], [("BYDAY", ",".join(_some(random, WEEKDAYS)))]])
    yield from random.choice([[], [("WKST", random.choice(WEEKDAYS))]])


def _monthly(random):
    kind = random.choice(["", "BYMONTHDAY", "BYDAY", "BYSETPOS"])
    if kind == "BYMONTHDAY":
        yield kind, _month_days(random)
    elif kind == "BYDAY":
        yield kind, _numbered(random)
    elif kind == "BYSETPOS":
        days = _some(random, WEEKDAYS)
        most = 4 * len(days) + 1
        yield from [
            ("BYDAY", ",".join(days)),
            (kind, random.choice([random.randint(1, most), -random.randint(1, most)])),
        ]


def _yearly(random):
    kind = random.choice(["", "BYMONTHDAY", "BYDAY"])
    if kind:
        yield "BYMONTH", ",".join(map(str, _some(random, [2, *range(1, 13)])))
        yield kind, _month_days(random) if kind == "BYMONTHDAY" else _numbered(random)


_PARTS = {"DAILY": lambda _: [], "WEEKLY": _weekly, "MONTHLY": _monthly, "YEARLY": _yearly}


def random_rule(random):
    """The text of a rule, and a random day that is one of its days."""
    freq = random.choice(list(INTERVALS))
    parts = [("FREQ", freq), *_PARTS[freq](random)]
    if random.random() < 0.7:
        parts.append(("INTERVAL", random.choice([1, 2, 3, random.randint(1, INTERVALS[freq])])))
    day = date(1900, 1, 1) + timedelta(days=random.randrange(365 * 1060))
    rule = read(";".join(f"{name}={value}" for name, value in parts))
    tried = (day + timedelta(days=days) for days in range(30 * 366))
    start = next((tried_day for tried_day in tried if matches(rule, tried_day)), None)
    if start is None:  # It never happens, such as the 30th of February.
        return random_rule(random)
    end = random.choice(["", "COUNT", "UNTIL"])
    if end == "COUNT":
        parts.append((end, random.choice([2, 3, 33, 34, random.randint(2, 1000)])))
    elif end == "UNTIL":
        until = min(start + timedelta(days=random.choice([0, 1, random.randrange(10**4)])), date(2999, 12, 31))
        parts.append((end, f"{until:%Y%m%d}"))
    random.shuffle(parts)
    return ";".join(f"{name}={value}" for name, value in parts), start
