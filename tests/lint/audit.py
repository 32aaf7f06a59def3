"""`make audit`: which versions of the lock have known vulnerabilities, as https://osv.dev says.

It needs a network, so `make lint` leaves it out.  Exit status 0: none; 1: some; 3: nobody answered.
"""

import json
import os
import re
import sys
import urllib.request
from collections.abc import Mapping

from lab.stack.layout import REPO

# The first holds every package of every other lock but the second.
LOCKS = [REPO / "requirements" / name for name in ("dev.txt", "locust.txt")]
URL = "https://api.osv.dev/v1/querybatch"
TIMEOUT = 30.0  # seconds
NOBODY = 3


def pins(lock: str) -> dict[str, str]:
    """Name → version."""
    return dict(re.findall(r"^([a-z0-9-]+)==([0-9][\w.]*)", lock, re.MULTILINE))


def advisories(versions: Mapping[str, str], url: str) -> dict[str, list[str]]:
    """Return the ids of what is known of each package, of those of which something is.

    One request asks for all.  Raises OSError where nobody answers; ValueError, KeyError,
    TypeError for what is no answer.
    """
    queries = [
        {"package": {"name": name, "ecosystem": "PyPI"}, "version": version}
        for name, version in versions.items()
    ]
    body = json.dumps({"queries": queries}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        results = json.load(answer)["results"]
    return {
        name: [known["id"] for known in result["vulns"]]
        for name, result in zip(versions, results, strict=True)
        if result.get("vulns")
    }


def main() -> int:
    versions = pins("".join(lock.read_text() for lock in LOCKS))
    try:
        found = advisories(versions, os.environ.get("OSV_URL", URL))
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"make audit: no answer from {URL}, so nothing was checked: {error}\n")
        return NOBODY
    for name, ids in found.items():
        print(f"{name} {versions[name]}: {', '.join(ids)}")
    print(f"{len(found)} of {len(versions)} packages have known vulnerabilities")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
