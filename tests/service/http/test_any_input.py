"""Nothing that a client sends makes an answer of 500 or above."""

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.conftest import encoded

A_FEW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@A_FEW
@given(data=st.binary(max_size=2000))
def test_any_bytes_as_a_picture(client: httpx.Client, data: bytes) -> None:
    response = client.post("/classify", files={"image": data})

    assert response.status_code in (200, 400, 413)
    assert response.status_code == 200 or response.json()["error"]


@A_FEW
@given(
    position=st.floats(0, 1, exclude_max=True),
    value=st.integers(0, 255),
    kind=st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "ICO", "PPM"]),
)
def test_a_picture_with_one_byte_changed(
    client: httpx.Client, picture: Image.Image, position: float, value: int, kind: str
) -> None:
    data = bytearray(encoded(picture, kind))
    data[int(position * len(data))] = value

    response = client.post("/explain", files={"image": bytes(data)})

    assert response.status_code in (200, 400, 413)


@A_FEW
@given(body=st.binary(max_size=500), boundary=st.text("ab-'\" ;=", max_size=5))
def test_any_bytes_as_a_form(client: httpx.Client, body: bytes, boundary: str) -> None:
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}b"}
    framed = b"--" + boundary.encode() + b"b\r\n" + body

    response = client.post("/classify", content=framed, headers=headers)

    assert response.status_code == 400


@A_FEW
@given(file_name=st.text(max_size=30), class_name=st.text(max_size=30), style=st.text(max_size=9))
def test_any_names(
    client: httpx.Client, png: bytes, file_name: str, class_name: str, style: str
) -> None:
    response = client.post(
        "/explain",
        files={"image": (file_name, png)},
        data={"class": class_name, "style": style},
    )

    assert response.status_code in (200, 400, 422)
