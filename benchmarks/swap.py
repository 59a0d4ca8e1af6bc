"""A model exchanged by new versions in the store while clients ask: who notices?

    python benchmarks/swap.py [--times 50]

The versions hold the same network, and each has the class names of the one before in another order
(other names would not be taken up): so an answer must name a version, carry its names in its order,
and have the probabilities that the network has alone.
The exit code is 1 where a request failed, an answer was another version's, or memory has grown by
more than a tenth between the fifth exchange and the last.
"""

import json
import sys
import threading
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import onnx
from _serving import PATIENCE, Answer, Server, form, parser_for, post, read_pictures, serving, table

from models import store
from models.bundle import Bundle, bundle_bytes, parse_bundle

CLIENTS = 4
TOLERANCE = 1e-4
GROWTH = 1.1


def main() -> int:
    """Measures and prints."""
    parser = parser_for(__doc__)
    parser.add_argument("--times", type=int, default=50)
    arguments = parser.parse_args()
    pictures = read_pictures(arguments.pictures)
    with serving(arguments.bundle, watch_seconds=0.2, model="measured") as server:
        bundle = parse_bundle(store.newest().path.read_bytes(), "the bundle")
        first = store.newest().tag
        turns = {first: 0}
        alone = [answer_of(post(server.url, "/classify", form(data))) for data in pictures]
        asked, memory = exchange_all(server, bundle, pictures, turns, arguments.times)
    statuses = Counter(answer.status for _, answer in asked)
    wrong = sum(
        not is_right(turns, alone[i], answer) for i, answer in asked if answer.status == 200
    )
    table(
        ("exchanges", len(turns) - 1), *((f"answered {s}", n) for s, n in sorted(statuses.items()))
    )
    versions = {answer_of(answer)["model"] for _, answer in asked if answer.status == 200}
    table(("versions that answered", len(versions)), ("answers of no version", wrong))
    early, late = memory[min(4, len(memory) - 1)], memory[-1]
    table(("memory after the fifth, MiB", f"{early:.1f}"), ("after the last, MiB", f"{late:.1f}"))
    return int(set(statuses) != {200} or wrong > 0 or late > GROWTH * early)


def exchange_all(
    server: Server, bundle: Bundle, pictures: list[bytes], turns: dict[str, int], times: int
) -> tuple[list[tuple[int, Answer]], list[float]]:
    """Puts version after version while clients ask; what they got, and memory after each."""
    over = threading.Event()

    def ask(client: int) -> list[tuple[int, Answer]]:
        found = []
        while not over.is_set():
            number = (client + len(found)) % len(pictures)
            found.append((number, post(server.url, "/classify", form(pictures[number]))))
        return found

    memory = []
    with ThreadPoolExecutor(CLIENTS) as clients:
        asking = [clients.submit(ask, client) for client in range(CLIENTS)]
        try:
            for number in range(times):
                turn = (number + 1) % len(bundle.metadata.classes)
                tag = store.put(turned(bundle, turn), "measured").tag
                turns[tag] = turn
                wait_until_served(server, tag)
                memory.append(server.memory())
            post(server.url, "/classify", form(pictures[0]))
        finally:
            over.set()
        return [one for client in asking for one in client.result()], memory


def turned(bundle: Bundle, turn: int) -> bytes:
    """The same network; its class names begin with another one."""
    names = bundle.metadata.classes
    classes = (*names[turn:], *names[:turn])
    model = onnx.load_model_from_string(bundle.data)
    return bundle_bytes(model, bundle.metadata.model_copy(update={"classes": classes}))


def wait_until_served(server: Server, tag: str) -> None:
    """Asks until a version answers."""
    for _ in range(10 * PATIENCE):
        with urllib.request.urlopen(f"{server.url}/models", timeout=PATIENCE) as answer:  # noqa: S310
            if json.load(answer)["models"][0]["model"] == tag:
                return
        threading.Event().wait(0.1)
    raise SystemExit(f"{tag} was not taken up:\n{server.output.read_text()}")


def answer_of(answer: Answer) -> dict[str, object]:
    """The JSON of an answer."""
    found: dict[str, object] = json.loads(answer.body)
    return found


def is_right(turns: dict[str, int], alone: dict[str, object], answer: Answer) -> bool:
    """Whether names and probabilities are those of the version that is named."""
    found = answer_of(answer)
    turn = turns[str(found["model"])]
    expected, got = (a["predictions"][0]["probabilities"] for a in (alone, found))
    names = [*list(expected)[turn:], *list(expected)[:turn]]
    near = zip(expected.values(), got.values(), strict=True)
    return list(got) == names and all(abs(a - b) < TOLERANCE for a, b in near)


if __name__ == "__main__":
    sys.exit(main())
