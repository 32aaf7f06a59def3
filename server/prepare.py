"""What happens once before servers start in containers: the words are checked, the app prepared.

A server would refuse a bad word too, but Docker would start it again and again.
"""

import os
import sys

from lab.serve import WEBAPP, Choice, WordError


def main() -> None:
    """Becomes `manage.py prepare`; exits with 2 where a word cannot be followed."""
    try:
        Choice.from_words(os.environ).command(os.environ["BIND"])
    except WordError as error:
        print(f"lab: {error}", file=sys.stderr)
        sys.exit(2)
    os.chdir(WEBAPP)
    os.execv(sys.executable, [sys.executable, "manage.py", "prepare"])


if __name__ == "__main__":
    main()
