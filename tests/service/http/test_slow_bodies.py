"""Bodies that take their time, and answers that come late: nobody else waits."""

import threading

import numpy as np
import numpy.typing as npt

from models.preprocessing import Pixels
from models.session import Prediction
from tests.service.conftest import DEADLINE, Serve, connect, everything_from, wait_until

HEAD = (
    b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
)


def test_a_body_that_does_not_end_is_answered_408(serve: Serve) -> None:
    with serve(body_seconds=0.3) as served:
        answer = everything_from(connect(served, HEAD + b"--b\r\n"))
        wait_until(lambda: served.engine.admission.bytes == 0)

    assert answer.startswith(b"HTTP/1.1 408")
    assert b"connection: close" in answer.lower()
    assert answer.endswith(b'{"error":"the body took more than 0.3 seconds to arrive"}')


def test_slow_bodies_take_no_place_in_the_queue(serve: Serve, png: bytes) -> None:
    with serve(queue_size=1, max_pictures=1) as served:
        slow = [connect(served, HEAD + b"--b\r\n") for _ in range(20)]
        wait_until(lambda: served.engine.admission.bytes == 20 * 5)

        answer = served.client.post("/classify", files={"image": png})

        for connection in slow:
            connection.close()
        wait_until(lambda: served.engine.admission.bytes == 0)
    assert answer.status_code == 200


def test_bodies_above_the_bytes_in_flight_are_refused_at_once(serve: Serve, png: bytes) -> None:
    with serve(max_bytes_in_flight=2000, max_body_bytes=2000) as served:
        with connect(served, HEAD + b"--b\r\n" + b"x" * 900):
            wait_until(lambda: served.engine.admission.bytes == 905)
            refused = served.client.post("/classify", files={"image": bytes(1500)})
        wait_until(lambda: served.engine.admission.bytes == 0)
        answered = served.client.post("/classify", files={"image": png[:1000]})

    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "1"
    assert "all bodies together may hold 2,000 bytes" in refused.json()["error"]
    assert answered.status_code == 400


def test_an_answer_that_would_be_late_is_503_and_leaves_the_queue(serve: Serve, png: bytes) -> None:
    batches: list[int] = []
    may_go = threading.Event()

    with serve(answer_seconds=0.5) as served:
        batcher = served.engine.models.default.batcher
        predict = batcher._predict

        def held_up(
            pixels: Pixels, class_index: npt.NDArray[np.int64], _: object = None
        ) -> list[Prediction]:
            batches.append(len(pixels))
            assert may_go.wait(DEADLINE)
            return predict(pixels, class_index)

        batcher._predict = held_up
        late = [served.client.post("/classify", files={"image": png}) for _ in range(2)]
        assert served.engine.admission.pictures == 0
        may_go.set()
        batcher._predict = predict
        wait_until(lambda: served.client.post("/classify", files={"image": png}).is_success)

    assert [answer.status_code for answer in late] == [503, 503]
    assert late[0].headers["Retry-After"] == "1"
    assert late[0].json() == {"error": "no answer within 0.5 seconds; try again in a moment"}
    assert batches == [1]


def test_a_picture_that_takes_too_long_is_413(serve: Serve) -> None:
    """QOI is decoded by Python, byte by byte; this one takes seconds."""
    side = 4000
    size = side.to_bytes(4, "big")
    data = b"qoif" + size + size + b"\x03\x00" + bytes(side * side) + b"\0" * 7 + b"\x01"

    with serve(decode_seconds=0.5) as served:
        answer = served.client.post("/classify", files={"image": data})

    assert answer.status_code == 413
    assert answer.json() == {"error": "the picture takes more than 0.5 seconds to decode or draw"}
