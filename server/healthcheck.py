"""Whether the server of this container answers: exit status 0 or, with the reason, 1."""

import os
import sys

from lab.stack import answers

# All interfaces are a place to listen at, and no name that an application would answer to.
BIND = os.environ["BIND"].replace("0.0.0.0", "127.0.0.1")  # nosec B104

is_own = bool(os.environ.get("APP_PATH"))
sys.exit(answers.why_unhealthy(lambda: answers.to_bind(BIND), any_answer=is_own))
