"""Makes the table of what restic's `forget` keeps: tests/fixtures/restic-forget.jsonl.

    restic_forget.py > fixtures/restic-forget.jsonl

It makes a repository in a temporary folder with a snapshot for each time, asks restic for each policy what it would keep and why
(`forget --dry-run`), and writes both down. restic decides by the clock of its host, so that the table has a part for each zone.
"""

import json
import os
import subprocess
import sys
import tempfile

TIMES = [
    # Twice in an hour, hours apart, days with and without, a Sunday and the Monday after it.
    *["2026-11-24 18:50", "2026-11-24 18:30", "2026-11-24 18:10", "2026-11-24 17:59", "2026-11-24 09:00", "2026-11-24 00:30"],
    *["2026-11-23 23:30", "2026-11-23 09:00", "2026-11-22 23:59", "2026-11-22 09:00", "2026-11-21 12:00", "2026-11-17 12:00"],
    # Ends of months and of years; the last week of 2025 by ISO 8601 is the first of 2026.
    *["2026-11-10 09:00", "2026-11-01 00:00", "2026-10-31 23:59", "2026-10-31 09:00", "2026-10-25 02:30", "2026-10-25 01:30"],
    *["2026-09-30 12:00", "2026-06-15 12:00", "2026-03-29 03:30", "2026-03-29 01:30", "2026-01-01 00:10", "2025-12-31 23:50"],
    *["2025-12-29 09:00", "2025-12-28 09:00", "2025-06-01 09:00", "2024-12-31 09:00", "2024-02-29 09:00", "2023-01-01 09:00", "2023-01-01 08:00"],
]
POLICIES = [
    {"last": 1},
    {"last": 4},
    {"last": 100},
    {"hourly": 1},
    {"hourly": 3},
    {"hourly": 100},
    {"daily": 1},
    {"daily": 5},
    {"daily": 20},
    {"daily": 100},
    {"weekly": 1},
    {"weekly": 6},
    {"weekly": 15},
    {"weekly": 100},
    {"monthly": 2},
    {"monthly": 7},
    {"monthly": 100},
    {"yearly": 2},
    {"yearly": 4},
    {"yearly": 100},
    {"within": "20h"},
    {"within": "3d"},
    {"within": "1m"},
    {"within": "1y"},
    {"last": 2, "hourly": 4, "daily": 3},
    {"daily": 7, "weekly": 5, "monthly": 12},
    {"hourly": 48, "daily": 35, "weekly": 53, "monthly": 120},
    {"last": 3, "daily": 2, "weekly": 2, "monthly": 2, "yearly": 2, "within": "2d"},
]


def restic(folder, zone, *arguments):
    environment = os.environ | {"RESTIC_REPOSITORY": f"{folder}/repository", "RESTIC_PASSWORD": "of a test", "TZ": zone}
    done = subprocess.run(["restic", "--quiet", *arguments], env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"restic {arguments}: {done.stderr}")
    return done.stdout


def table(zone):
    with tempfile.TemporaryDirectory() as folder:
        data = f"{folder}/data"
        with open(data, "w") as file:
            file.write("the same in all snapshots")
        restic(folder, zone, "init")
        for time in TIMES:
            restic(folder, zone, "backup", "--host", "h", "--time", f"{time}:00", data)
        cases = []
        for policy in POLICIES:
            counts = [argument for rule, n in policy.items() for argument in (f"--keep-{rule}", str(n))]
            group = json.loads(restic(folder, zone, "forget", "--dry-run", "--json", *counts))[0]
            reasons = {reason["snapshot"]["time"]: reason["matches"] for reason in group["reasons"]}
            kept = {snapshot["time"]: reasons.get(snapshot["time"], []) for snapshot in group["keep"]}
            cases.append({"policy": policy, "kept": kept})
        times = sorted((snapshot["time"] for snapshot in json.loads(restic(folder, zone, "snapshots", "--json"))), reverse=True)
        return {"zone": zone, "times": times, "cases": cases}


version = subprocess.run(["restic", "version"], capture_output=True, text=True, check=True).stdout.split()[1]
for one in (table("UTC"), table("Europe/Berlin")):
    print(json.dumps({"restic": version, "zone": one["zone"], "times": one["times"]}))
    for case in one["cases"]:
        print(json.dumps(case))
