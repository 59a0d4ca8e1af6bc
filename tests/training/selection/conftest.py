"""What the network's view of pictures is asked of."""

import pytest

from tests.training.conftest import draw_pets
from training.data.folder import scan_folder
from training.data.pictures import Pictures
from training.data.sample import Sample, draw_sample

Asked = tuple[Sample, Pictures]


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """A sample that is too small for most questions."""
    return sample_of(tmp_path_factory, 12)


@pytest.fixture(scope="session")
def enough(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """A sample of 24 pictures, of which every question can be asked."""
    return sample_of(tmp_path_factory, 24)


def sample_of(tmp_path_factory: pytest.TempPathFactory, count: int) -> Asked:
    pictures = Pictures()
    folder = scan_folder(draw_pets(tmp_path_factory.mktemp("asked") / "pets", count))
    return draw_sample(folder, pictures), pictures
