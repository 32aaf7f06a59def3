"""What happens once before servers start in containers: the words are checked, the app prepared.

A server would refuse a bad word too, but Docker would start it again and again.
"""

import os
import sys

from lab.serve import WEBAPP, WordError
from lab.words import Words

# Docker replaces containers before it starts any, so what ran before has been stopped by now.
WAY_BACK = "correct it and say `docker compose up` again, which starts what was stopped for this"


def main() -> None:
    """Becomes `manage.py prepare`; exits with 2 where a word cannot be followed."""
    try:
        Words.read(os.environ)
    except WordError as error:
        print(f"lab: {error}\nlab: {WAY_BACK}", file=sys.stderr)
        sys.exit(2)
    os.chdir(WEBAPP)
    os.execv(sys.executable, [sys.executable, "manage.py", "prepare"])


if __name__ == "__main__":
    main()
