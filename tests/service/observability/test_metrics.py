"""Counters begin at 0 where it is known what they will count."""

from prometheus_client import REGISTRY

from models.errors import RequestError
from service.observability import metrics


def test_refusals_that_may_come_have_a_series_before_the_first() -> None:
    metrics.begin()

    reasons = {kind.__name__: f"{kind.http_status}" for kind in RequestError.__subclasses__()}
    for reason, status in (*reasons.items(), ("InternalServerError", "500")):
        labels = {"reason": reason, "status": status}
        assert REGISTRY.get_sample_value("transfer_refusals_total", labels) is not None


def test_pictures_that_may_be_refused_have_a_series_before_the_first() -> None:
    metrics.begin()

    for reason in ("ImageError", "ImageTooLargeError", "OverloadedError"):
        labels = {"reason": reason}
        assert REGISTRY.get_sample_value("transfer_refused_pictures_total", labels) is not None


def test_a_model_begins_without_strangers_and_sets() -> None:
    metrics.begin_model("pets:new", "pets", ["cat", "dog"])

    labels = {"model": "pets:new"}
    assert REGISTRY.get_sample_value("transfer_unfamiliar_answers_total", labels) == 0
    assert REGISTRY.get_sample_value("transfer_referred_answers_total", labels) == 0
    assert REGISTRY.get_sample_value("transfer_prediction_set_classes_count", labels) == 0
