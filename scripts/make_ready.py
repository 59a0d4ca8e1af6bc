"""The default network's graphs, made now: the first run then begins as soon as every later one.

What a run makes of a network is kept on this machine (docs/decisions/0038), so one is made over a
few drawn pictures, and thrown away. Where that fails, the first run makes them, and says why.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

BIN = Path(sys.executable).parent


def main() -> int:
    """Makes them; 0 in any case, for all else is installed."""
    with tempfile.TemporaryDirectory() as place:
        drawn, runs = Path(place, "drawn"), Path(place, "runs")
        environment = {**os.environ, "BENTOML_HOME": place}
        commands = (
            [BIN / "draw-screws-nuts", drawn, "--count", "24"],
            [BIN / "train-transfer", "--data", drawn, "--out", runs, "--precision", "fp32"],
        )
        print("making the default network ready, once: some 30 s", flush=True)
        for command in commands:
            done = subprocess.run(command, env=environment, capture_output=True, check=False)
            if done.returncode:
                print("not done; the first run does it")
                break
    return 0


if __name__ == "__main__":
    sys.exit(main())
