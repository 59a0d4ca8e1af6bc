import pytest

from service.http.replies import content_disposition, picture_name


@pytest.mark.parametrize(
    ("file_name", "class_name", "expected"),
    [
        ("cat.12.jpg", "cat", "cat.12-cat-overlay.png"),
        ("photo", "cat", "photo-cat-overlay.png"),
        ("", "cat", "cat-overlay.png"),
        ("../../etc/passwd", "cat", "passwd-cat-overlay.png"),
        ("C:\\pictures\\Käfer 1.jpg", "Bäume & Co", "Käfer_1-Bäume_Co-overlay.png"),
        ('a"b\r\nX-Evil: 1.png', "..", "a_b_X-Evil_1-overlay.png"),
        (".hidden", "/", "hidden-overlay.png"),
        ("甲虫.webp", "cat", "甲虫-cat-overlay.png"),
        ("\u202egpj.exe", "cat", "gpj-cat-overlay.png"),
        ("x" * 500 + ".png", "cat", "x" * 80 + "-cat-overlay.png"),
    ],
)
def test_a_download_is_named_after_the_picture_and_safe(
    file_name: str, class_name: str, expected: str
) -> None:
    assert picture_name(file_name, class_name, "overlay") == expected


def test_a_download_name_is_given_in_both_notations() -> None:
    header = content_disposition("Käfer-cat.png")

    assert header == "attachment; filename=\"Kafer-cat.png\"; filename*=UTF-8''K%C3%A4fer-cat.png"
