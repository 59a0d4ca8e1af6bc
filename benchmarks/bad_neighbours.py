"""Shared batches with one bad picture in each: every other answer must be the same as alone.

    python benchmarks/bad_neighbours.py [--batches 500]

For each batch seven clients send a good picture and one sends a broken one, at the same time. How
many pictures really shared a run of the network is not seen from outside; a single one of them that
failed or changed its answer would be. The exit code is 1 where one did.
"""

import io
import json
import random
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from _serving import Answer, form, parser_for, post, read_pictures, serving, table
from PIL import Image

GOOD = 7

#: Other batch sizes round otherwise.
TOLERANCE = 1e-4


def main() -> int:
    """Measures and prints."""
    parser = parser_for(__doc__)
    parser.add_argument("--batches", type=int, default=500)
    arguments = parser.parse_args()
    pictures = read_pictures(arguments.pictures)
    with serving(arguments.bundle) as server, ThreadPoolExecutor(GOOD + 1) as clients:
        alone = [probabilities(post(server.url, "/classify", form(data))) for data in pictures]
        start = threading.Barrier(GOOD + 1)

        def ask(data: bytes) -> Answer:
            start.wait()
            return post(server.url, "/classify", form(data))

        worst, lost, refused = 0.0, 0, 0
        for number in range(arguments.batches):
            chosen = [(number * GOOD + i) % len(pictures) for i in range(GOOD)]
            bad = broken(random.Random(number), pictures[chosen[0]])
            *good, neighbour = clients.map(ask, [*(pictures[i] for i in chosen), bad])
            refused += neighbour.status == 400
            lost += sum(answer.status != 200 for answer in good)
            for i, answer in zip(chosen, good, strict=True):
                if answer.status == 200:
                    worst = max(worst, difference(alone[i], probabilities(answer)))
    table(("batches", arguments.batches), ("bad pictures refused", refused))
    table(("good pictures not answered", lost), ("largest difference", f"{worst:.1e}"))
    return int(lost > 0 or refused != arguments.batches or worst > TOLERANCE)


def probabilities(answer: Answer) -> list[float]:
    """Of all classes."""
    found: dict[str, float] = json.loads(answer.body)["predictions"][0]["probabilities"]
    return list(found.values())


def difference(one: list[float], other: list[float]) -> float:
    """The largest of any class."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def broken(rng: random.Random, data: bytes) -> bytes:
    """A picture that certainly cannot be read: cut off, overwritten, or none at all."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(data)).convert("RGB").save(buffer, "PNG")
    png = buffer.getvalue()
    return rng.choice(
        [png[: len(png) // 2], png[:100] + bytes(len(png)), b"no picture", b"\xff" * 99]
    )


if __name__ == "__main__":
    sys.exit(main())
