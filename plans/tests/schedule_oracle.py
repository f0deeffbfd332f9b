"""What other hands make of schedules: civil times by croniter, zones by Python's zoneinfo.

    schedule_oracle.py YEAR < cases

Reads one JSON object {"zones": [...], "schedules": [...]} and writes, for each zone and schedule, one JSON line:

- "runs": the instants of the year, in seconds. croniter walks through civil times without a zone, of which it knows all rules of
  crontab(5), and zoneinfo says what instant each is. Where clocks change this is what crontab(5) leaves open and lifeboat promises:
  a time that is skipped runs at the first instant after the gap; a time that comes twice runs the first time, and, where the
  schedule leaves the hour open, the second time, too.
- "aware": what croniter itself says when it is given the zone, from each change of the clock to the next. In nights of a change its
  answers are wrong in several ways (runs are lost, doubled or an hour off, and where clocks are set back at midnight it never gets
  past it), so that each stretch begins a day after a change, and ends a day before the next.
- "calm": these stretches; none for a schedule that croniter was not asked for.
"""

import datetime
import json
import sys
import zoneinfo

from croniter import croniter

UTC = datetime.timezone.utc
MINUTE = datetime.timedelta(minutes=1)
DAY = datetime.timedelta(days=1)


def changes(zone, start, end):
    """The instants of a span at which the offset of a zone changes, by bisection."""
    found = []
    step = datetime.timedelta(hours=12)
    at = start
    while at < end:
        then = at + step
        if at.astimezone(zone).utcoffset() != then.astimezone(zone).utcoffset():
            low, high = at, then
            while high - low > datetime.timedelta(seconds=1):
                middle = low + (high - low) // 2
                middle = middle.replace(microsecond=0)
                if middle.astimezone(zone).utcoffset() == low.astimezone(zone).utcoffset():
                    low = middle
                else:
                    high = middle
            found.append(high)
        at = then
    return found


def instants(civil, zone, rhythm):
    """The instants at which a civil time runs."""
    first = civil.replace(tzinfo=zone, fold=0)
    second = civil.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return [first.astimezone(UTC)]
    if first.astimezone(UTC) < second.astimezone(UTC):  # it comes twice
        return [first.astimezone(UTC), second.astimezone(UTC)] if rhythm else [first.astimezone(UTC)]
    later = civil  # it is skipped: minute by minute to the end of the gap
    while later.replace(tzinfo=zone, fold=0).utcoffset() != later.replace(tzinfo=zone, fold=1).utcoffset():
        later += MINUTE
    return [later.replace(tzinfo=zone).astimezone(UTC)]


def walk(text, start, end):
    """What croniter says from `start` on, `start` excluded, until `end`."""
    steps = croniter(text, start, ret_type=datetime.datetime)
    while (at := steps.get_next()) < end:
        yield at


def main():
    year = int(sys.argv[1])
    cases = json.load(sys.stdin)
    # A day more on both sides, since the year of a zone begins up to 14 hours before or after that of UTC.
    early, late = datetime.datetime(year - 1, 12, 30), datetime.datetime(year + 1, 1, 3)
    start, end = datetime.datetime(year, 1, 1, tzinfo=UTC), datetime.datetime(year + 1, 1, 1, tzinfo=UTC)
    civil = {text: list(walk(text, early, late)) for text in cases["schedules"]}
    for name in cases["zones"]:
        zone = zoneinfo.ZoneInfo(name)
        changed = changes(zone, start, end)
        edges = [start - DAY, *changed, end + DAY]
        calm = [(before + DAY, after - DAY) for before, after in zip(edges, edges[1:]) if after - before > 3 * DAY]
        for text in cases["schedules"]:
            rhythm = text.split()[1] == "*"
            runs = sorted({run for at in civil[text] for run in instants(at, zone, rhythm)})
            # croniter takes minutes for a dense schedule in all zones, whose civil times were compared already.
            stretches = calm if len(runs) < 2000 else []
            aware = [run for begin, until in stretches for run in walk(text, begin.astimezone(zone), until)]
            print(
                json.dumps(
                    {
                        "zone": name,
                        "schedule": text,
                        "runs": [int(run.timestamp()) for run in runs if start <= run < end],
                        "aware": [int(run.timestamp()) for run in aware],
                        "calm": [[int(begin.timestamp()), int(until.timestamp())] for begin, until in stretches],
                    }
                )
            )


main()
