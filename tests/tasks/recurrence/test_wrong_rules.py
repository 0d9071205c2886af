"""The sentence for each thing that the grammar of rules does not allow."""

import pytest

from taskapp.tasks.recurrence.grammar import parse
from taskapp.tasks.recurrence.rules import InvalidRule

SHAPE = "Must be parts NAME=VALUE with ';' between them, such as FREQ=WEEKLY;BYDAY=MO,TU."
EMPTY = "Must not have an empty part. Remove the extra ';'."
ONLY = "A rule is only the value of RRULE, such as FREQ=WEEKLY;BYDAY=MO."
MOVE = "Move the occurrence of that day, or complete it."
TIME = "The time of day is due_time."
SPACES = "Must not have spaces or line breaks. An example is FREQ=WEEKLY;BYDAY=MO."
CAPITALS = "Must be in capitals, such as FREQ=WEEKLY;BYDAY=MO."
NAMES = "DAILY, WEEKLY, MONTHLY or YEARLY."
MAY_HAVE = {
    "DAILY": "DAILY may have INTERVAL, UNTIL and COUNT.",
    "WEEKLY": "WEEKLY may have INTERVAL, BYDAY, WKST, UNTIL and COUNT.",
    "MONTHLY": "MONTHLY may have INTERVAL, BYMONTHDAY, BYDAY, BYSETPOS, UNTIL and COUNT.",
    "YEARLY": "YEARLY may have INTERVAL, BYMONTH, BYMONTHDAY, BYDAY, UNTIL and COUNT.",
}
UNTIL = "UNTIL must be a day without a time, YYYYMMDD, from 19000101 to 29991231."
WEEKDAY = "BYDAY must be one or more of MO,TU,WE,TH,FR,SA,SU."
NUMBERED = f"{WEEKDAY[:-1]}, with numbers from 1 to 5 or -1 to -5, such as 1MO or -1FR."
MONTH_DAY = "BYMONTHDAY must be 1 to 31, or -1 to -31 from the end of the month."
SET_POS = "BYSETPOS must be 1 to 31, or -1 to -31 from the end of the month."
NEEDS_DAYS = "BYSETPOS needs BYDAY without numbers, such as BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1."
YEARLY = (
    "YEARLY must have BYMONTH together with BYMONTHDAY or BYDAY, or none of them. "
    "An example is BYMONTH=11;BYMONTHDAY=30."
)
NUMBERS = "BYDAY with MONTHLY must have numbers, such as 1MO or -1FR, or BYSETPOS."


@pytest.mark.parametrize(
    ("sentence", "texts"),
    [
        ("Must be at most 255 characters.", ["FREQ=DAILY;INTERVAL=" + "0" * 235 + "1"]),
        (
            "Omit RRULE. A rule is only its value, such as FREQ=WEEKLY;BYDAY=MO.",
            ["RRULE:FREQ=DAILY", "rrule:freq=daily"],
        ),
        (
            f"DTSTART is not supported. The first day is due_date. {ONLY}",
            ["DTSTART:20261130\nRRULE:FREQ=DAILY", "DTSTART;VALUE=DATE:20261130"],
        ),
        (f"EXDATE is not supported. {MOVE} {ONLY}", ["EXDATE:20261207T000000Z", "FREQ=WEEKLY\nEXDATE:20261207"]),
        (f"RDATE is not supported. Create a task for each further day. {ONLY}", ["FREQ=WEEKLY\r\nRDATE:20261207"]),
        (f"EXRULE is not supported. {ONLY}", ["EXRULE:FREQ=WEEKLY"]),
        (SPACES, ["FREQ=DAILY; COUNT=2", " FREQ=DAILY", "FREQ=DAILY\n", "FREQ=\u00a0DAILY", "FREQ = DAILY"]),
        (SPACES, ["FREQ=WEEKLY;BYDAY=MO TU", "FREQ=WEEKLY;BYDAY=MO, TU", "FREQ=DAILY\nFREQ=WEEKLY"]),
        (CAPITALS, ["freq=daily", "FREQ=WEEKLY;byday=MO", "Freq=DAILY"]),
        (EMPTY, ["FREQ=DAILY;", ";FREQ=DAILY", "FREQ=DAILY;;COUNT=2", ";"]),
        (SHAPE, ["", "   ", "FREQ", "=DAILY", "*", "DAILY", "daily", "every monday", "Every Monday", "täglich"]),
        (SHAPE, ["00**1", "0 9 * * 1", "@daily", "P1W", "R/P1D", '{"freq":"daily"}', "毎週月曜日", "\0", "\ud800"]),
        (SHAPE, ["ＦＲＥＱ=DAILY", "ſREQ=DAILY", "FREQ:DAILY", "BEGIN:VEVENT", "FREQ=WEEKLY;BYDAY=MO;TU"]),
        (SHAPE, ["FREQ=DAILY=2", "FREQ=DAILY,INTERVAL=2", "FREQ=DAILY&INTERVAL=2", "FREQ=WEEKLY;BYDAY=MO:COUNT=2"]),
        ("FREQ must not be repeated.", ["FREQ=DAILY;FREQ=DAILY"]),
        ("COUNT must not be repeated.", ["FREQ=DAILY;COUNT=2;COUNT=3"]),
        (
            "BYDAY must not be repeated. A list has commas, such as BYDAY=MO,TU.",
            ["FREQ=WEEKLY;BYDAY=MO;BYDAY=TU"],
        ),
        (f"FREQ is missing. It must be {NAMES}", ["BYDAY=MO", "INTERVAL=2;COUNT=2"]),
        (
            f"FREQ must be {NAMES}",
            ["FREQ=SECONDLY", "FREQ=HOURLY;BYHOUR=1", "FREQ=WEEK", "FREQ=DAILY,WEEKLY", "FREQ=WEEKDAILY", "FREQ="],
        ),
        (f"FREQ must be {NAMES}", ["FREQ=Daily", "FREQ=BIWEEKLY", "FREQ=TÄGLICH", "FREQ=DAILY\0", "FREQ=DAILY🙂"]),
        (f"BYHOUR is not supported. {TIME} {MAY_HAVE['WEEKLY']}", ["FREQ=WEEKLY;BYHOUR=9;BYMINUTE=0"]),
        (f"BYMINUTE is not supported. {TIME} {MAY_HAVE['DAILY']}", ["FREQ=DAILY;BYMINUTE=30"]),
        (
            f"DTSTART is not supported. The first day is due_date. {MAY_HAVE['DAILY']}",
            ["FREQ=DAILY;DTSTART=20261130", "DTSTART=20261130T090000Z;FREQ=DAILY"],
        ),
        (
            f"TZID is not supported. The time zone is time_zone. {MAY_HAVE['WEEKLY']}",
            ["FREQ=WEEKLY;TZID=Europe/Berlin"],
        ),
        (f"EXDATE is not supported. {MOVE} {MAY_HAVE['WEEKLY']}", ["FREQ=WEEKLY;BYDAY=MO;EXDATE=20261207"]),
        (f"BYWEEKDAY is not supported. {MAY_HAVE['WEEKLY']}", ["FREQ=WEEKLY;BYWEEKDAY=MO"]),
        (f"RSCALE is not supported. {MAY_HAVE['MONTHLY']}", ["FREQ=MONTHLY;RSCALE=GREGORIAN;SKIP=BACKWARD"]),
        (f"BYYEARDAY is not supported. {MAY_HAVE['YEARLY']}", ["FREQ=YEARLY;BYYEARDAY=100"]),
        (f"X-NAME is not supported. {MAY_HAVE['YEARLY']}", ["FREQ=YEARLY;X-NAME=1"]),
        (
            f"BYDAY is not supported with DAILY. Use it with WEEKLY, MONTHLY or YEARLY. {MAY_HAVE['DAILY']}",
            ["FREQ=DAILY;BYDAY=MO"],
        ),
        (
            f"BYSETPOS is not supported with WEEKLY. Use it with MONTHLY. {MAY_HAVE['WEEKLY']}",
            ["FREQ=WEEKLY;BYDAY=MO;BYSETPOS=1"],
        ),
        (
            f"BYMONTH is not supported with MONTHLY. Use it with YEARLY. {MAY_HAVE['MONTHLY']}",
            ["FREQ=MONTHLY;BYMONTH=1;BYMONTHDAY=1"],
        ),
        (f"WKST is not supported with MONTHLY. Use it with WEEKLY. {MAY_HAVE['MONTHLY']}", ["FREQ=MONTHLY;WKST=MO"]),
        (
            "INTERVAL must be 1 to 999 with DAILY.",
            [f"FREQ=DAILY;INTERVAL={n}" for n in ("", "0", "1000", "-1", "+1", "1.5", "A", "٣")],
        ),
        (
            "INTERVAL must be 1 to 99 with WEEKLY.",
            ["FREQ=WEEKLY;INTERVAL=100", "INTERVAL=" + "9" * 200 + ";FREQ=WEEKLY"],
        ),
        ("INTERVAL must be 1 to 99 with MONTHLY.", ["FREQ=MONTHLY;INTERVAL=100"]),
        ("INTERVAL must be 1 to 20 with YEARLY.", ["FREQ=YEARLY;INTERVAL=21"]),
        ("COUNT must be 2 to 1000.", [f"FREQ=DAILY;COUNT={n}" for n in ("0", "1", "1001", "-2", "2,3")]),
        (
            UNTIL,
            [
                f"FREQ=DAILY;UNTIL={day}"
                for day in ("", "20261224T120000Z", "2026-12-24", "18991231", "30000101", "TODAY", "0", "٢٠٢٦١٢٢٤")
            ],
        ),
        (
            "UNTIL must be a day that exists, YYYYMMDD.",
            [f"FREQ=DAILY;UNTIL={day}" for day in ("20260229", "20261301", "00000101")],
        ),
        ("UNTIL and COUNT must not be used together.", ["FREQ=DAILY;UNTIL=20261224;COUNT=2"]),
        ("BYMONTHDAY and BYDAY must not be used together.", ["FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=1FR"]),
        (
            WEEKDAY,
            [f"FREQ=WEEKLY;BYDAY={days}" for days in ("", "MONDAY", "mo", "MO-FR", "MO,", "MO|TU", "[MO]", "1", "6MO")],
        ),
        (
            NUMBERED,
            [
                f"FREQ=MONTHLY;BYDAY={days}"
                for days in ("6MO", "0MO", "-6MO", "MON", "1", "MO,", "1MO,,2MO", "MO1", "--1MO")
            ],
        ),
        (
            "BYDAY must not have numbers with WEEKLY. An example is BYDAY=MO,TU.",
            ["FREQ=WEEKLY;BYDAY=1MO", "FREQ=WEEKLY;BYDAY=MO,-1FR"],
        ),
        ("WKST must be one of MO,TU,WE,TH,FR,SA,SU.", ["FREQ=WEEKLY;WKST=MO,TU", "FREQ=WEEKLY;WKST=1"]),
        (MONTH_DAY, [f"FREQ=MONTHLY;BYMONTHDAY={days}" for days in ("0", "32", "-32", "1,", "L", "1,0", "001")]),
        (SET_POS, [f"FREQ=MONTHLY;BYDAY=MO;BYSETPOS={n}" for n in ("0", "32", "-32", "A")]),
        ("BYSETPOS must be one number.", ["FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1,-1"]),
        (
            NEEDS_DAYS,
            ["FREQ=MONTHLY;BYSETPOS=1", "FREQ=MONTHLY;BYMONTHDAY=1;BYSETPOS=1", "FREQ=MONTHLY;BYDAY=1MO;BYSETPOS=1"],
        ),
        (NUMBERS, ["FREQ=MONTHLY;BYDAY=MO", "FREQ=MONTHLY;BYDAY=1MO,TU"]),
        (
            "BYMONTH must be 1 to 12.",
            [f"FREQ=YEARLY;BYMONTHDAY=1;BYMONTH={months}" for months in ("0", "13", "-1", "1,", "JAN")],
        ),
        (
            "BYDAY with YEARLY must have numbers, such as BYMONTH=11;BYDAY=4TH.",
            ["FREQ=YEARLY;BYMONTH=1;BYDAY=MO", "FREQ=YEARLY;BYDAY=MO"],
        ),
        (YEARLY, ["FREQ=YEARLY;BYMONTH=1", "FREQ=YEARLY;BYMONTHDAY=30", "FREQ=YEARLY;BYDAY=1MO"]),
        ("BYMONTHDAY=30,31 never happens: BYMONTH=2 has 29 days at most.", ["FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31,30"]),
        ("BYMONTHDAY=-31 never happens: BYMONTH=4,6 has 30 days at most.", ["FREQ=YEARLY;BYMONTH=4,6;BYMONTHDAY=-31"]),
        (
            "BYSETPOS must be 1 to 5, or -1 to -5, with BYDAY=MO.",
            ["FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=-6"],
        ),
        ("BYSETPOS must be 1 to 9, or -1 to -9, with BYDAY=MO,TH.", ["FREQ=MONTHLY;BYDAY=MO,TH;BYSETPOS=10"]),
        (
            "BYSETPOS must be 1 to 23, or -1 to -23, with BYDAY=MO,TU,WE,TH,FR.",
            ["FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=24"],
        ),
    ],
)
def test_all_else_is_refused_with_a_sentence(sentence, texts):
    for text in texts:
        with pytest.raises(InvalidRule) as refused:
            parse(text)
        assert str(refused.value) == sentence, text


@pytest.mark.parametrize("part", ["BYDAY=MO", "COUNT=2", "UNTIL=20261224", "WKST=SU"])
def test_from_completion_has_only_freq_and_interval(part):
    name = part.partition("=")[0]
    with pytest.raises(InvalidRule) as refused:
        parse(f"FREQ=WEEKLY;{part}", from_completion=True)
    assert str(refused.value) == (
        f"{name} is not supported with from=completion. A rule from completion may have FREQ and INTERVAL."
    )


def test_part_that_no_rule_has_is_not_blamed_on_the_completion():
    with pytest.raises(InvalidRule) as refused:
        parse("FREQ=WEEKLY;BYHOUR=1", from_completion=True)
    assert str(refused.value) == (f"BYHOUR is not supported. {TIME} A rule from completion may have FREQ and INTERVAL.")
