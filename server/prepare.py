"""What happens once before servers start in containers: the words are checked, the app prepared.

A project of one's own is loaded once instead.

A server would refuse a bad word too, but Docker would start it again and again.
"""

import os
import sys
from pathlib import Path

from lab.serve import WEBAPP, WordError
from lab.words import Words

# Docker replaces containers before it starts any, so what ran before has been stopped by now.
WAY_BACK = "correct it and say `docker compose up` again, which starts what was stopped for this"


def main() -> None:
    """Becomes `manage.py prepare` or the check; exits with 2 where a word cannot be followed."""
    try:
        project = Words.read(os.environ).choice.project
    except WordError as error:
        print(f"lab: {error}\nlab: {WAY_BACK}", file=sys.stderr)
        sys.exit(2)
    if project:
        Path(os.environ["DATA_DIR"]).mkdir(mode=0o700, exist_ok=True)
        os.execv(sys.executable, [sys.executable, "-m", "lab.project.check"])
    os.chdir(WEBAPP)
    os.execv(sys.executable, [sys.executable, "manage.py", "prepare"])


if __name__ == "__main__":
    main()
