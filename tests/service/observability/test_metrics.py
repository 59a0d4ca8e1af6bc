import pytest
from prometheus_client import REGISTRY

from models.errors import ImageError, TransferError
from service.observability.metrics import counted_refusal


def refused(reason: str) -> float:
    name, labels = "transfer_refused_pictures_total", {"reason": reason}
    return REGISTRY.get_sample_value(name, labels) or 0


@pytest.mark.parametrize(("error", "more"), [(ImageError, 1), (TransferError, 0)])
def test_only_what_a_client_did_is_counted_as_refused(
    error: type[TransferError], more: int
) -> None:
    before = refused(error.__name__)

    with pytest.raises(error, match="this"), counted_refusal():
        raise error("this")
    assert refused(error.__name__) == before + more
