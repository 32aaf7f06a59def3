"""``make fuzz``: every target for FUZZ_SECONDS, from the corpus on; what is found joins the corpus.

What libFuzzer finds interesting stays in var/fuzz/, so that the next run goes on from there.  An
input that breaks an oracle becomes a file of tests/corpus/, to be given a name and the answer that
it should get: the tests then fail until the server gives it.
"""

import hashlib
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from tests.contract.case import DIRECTORY, Case, Expected, render
from tests.fuzz.mutation import SEEDS
from tests.fuzz.oracles import TARGETS

REPO = Path(__file__).resolve().parents[2]
LONGEST = 2048  # bytes of an input
STATISTICS = re.compile(r"stat::number_of_executed_units: +(\d+)")


def main() -> int:
    """Return 1 where anything was found."""
    if find_spec("atheris") is None:
        sys.exit("fuzz: atheris is not installed: it has wheels for Linux on x86-64 alone")
    seconds = int(os.environ.get("FUZZ_SECONDS", "60"))
    found = [path for target in TARGETS for path in fuzz(target, seconds)]
    for path in found:
        print(f"found: {path}: say what it must get, and name it for what it tries")
    return bool(found)


def fuzz(target: str, seconds: int) -> list[Path]:
    """Run one fuzzer; return the files that it added to the corpus."""
    kept, broken = (REPO / "var/fuzz" / target / kind for kind in ("kept", "broken"))
    for folder in (kept, broken):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in SEEDS:
        (kept / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
    options = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-print_final_stats=1"]
    options += ["-timeout=10", "-verbosity=0", f"-artifact_prefix={broken}/", str(kept)]
    command = [sys.executable, "-m", "tests.fuzz.target", target, *options]
    ended = subprocess.run(command, cwd=REPO, stderr=subprocess.PIPE, text=True, check=False)
    statistics = STATISTICS.search(ended.stderr)
    if ended.returncode or not statistics:
        print(ended.stderr)
    print(f"{target}: {int(statistics[1]) if statistics else 0:,} executions", flush=True)
    assert ended.returncode == 0 or any(broken.iterdir()), "the fuzzer did not run"
    return [keep(path) for path in sorted(broken.iterdir())]


def keep(path: Path) -> Path:
    """Make a file of the corpus of an input."""
    octets = path.read_bytes()
    name = f"found_{hashlib.sha1(octets).hexdigest()[:8]}"
    refused = Expected(400, closes=True)
    case = DIRECTORY / f"{name}.toml"
    case.write_text(render(Case(name, "found by `make fuzz`", octets, (refused,))))
    path.unlink()
    return case


if __name__ == "__main__":
    sys.exit(main())
