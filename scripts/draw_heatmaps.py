"""Draws docs/heatmaps.jpg, the README's picture, with the network that `make demo` has trained.

    make demo
    python -m scripts.draw_heatmaps screws/00003.jpg nuts/00001.jpg

Each drawn picture stands beside what the service's `/explain` gives of it.
"""

import argparse
import io

from PIL import Image

from scripts.demo import PICTURES, ROOT, newest_summary, post, served

#: Of the whole, and what is between pictures that belong together and others, pixels.
HEIGHT, NEAR, FAR = 220, 6, 14


def main() -> None:
    """Draws the pictures that are named, from left to right."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", help="below demo/drawn_screws_nuts")
    found: list[Image.Image] = []
    with served(newest_summary()["model"]) as address:
        for name in parser.parse_args().names:
            explained = post(f"{address}/explain", PICTURES / name)
            found += [of_height(Image.open(p)) for p in (PICTURES / name, io.BytesIO(explained))]
    in_a_row(found).save(ROOT / "docs" / "heatmaps.jpg", quality=88, optimize=True)


def of_height(image: Image.Image) -> Image.Image:
    """The same picture, `HEIGHT` pixels high."""
    return image.convert("RGB").resize((round(image.width * HEIGHT / image.height), HEIGHT))


def in_a_row(images: list[Image.Image]) -> Image.Image:
    """Pairs beside each other, on white."""
    places, right = [], 0
    for number, image in enumerate(images):
        places.append(right)
        right += image.width + (FAR if number % 2 else NEAR)
    whole = Image.new("RGB", (right - FAR, HEIGHT), "white")
    for place, image in zip(places, images, strict=True):
        whole.paste(image, (place, 0))
    return whole


if __name__ == "__main__":
    main()
