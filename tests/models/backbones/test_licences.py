"""Whose weights may be used for what, and that nobody uses others unknowingly."""

from pathlib import Path

import pytest

from models.backbones.licences import OWN, check_licence, licence_of
from models.backbones.weights import File, Hub, Packaged, Random, Weights
from models.errors import WeightsError


@pytest.mark.parametrize(
    ("name", "weights", "licence"),
    [
        ("resnet18", Hub(), "apache-2.0"),
        ("resnet18.tv_in1k", Hub(), "bsd-3-clause"),
        ("alexnet", Hub(), "bsd-3-clause"),
        ("res2net50_26w_4s", Hub(), "unknown"),
        ("tf_efficientnet_lite0", Packaged(), "apache-2.0"),
        ("convnextv2_atto", Hub(), "cc-by-nc-4.0"),
        ("convnextv2_atto", File(Path("mine.pth")), OWN),
        ("convnextv2_atto", Random(), OWN),
    ],
)
def test_the_licence_is_that_of_the_weights_and_not_of_the_network(
    name: str, weights: Weights, licence: str
) -> None:
    assert licence_of(name, weights) == licence


@pytest.mark.parametrize("accepted", [None, "mit", "cc-by-nc"])
def test_what_is_not_free_for_any_use_must_be_accepted_by_name(accepted: str | None) -> None:
    with pytest.raises(WeightsError, match=r"cc-by-nc-4\.0, which .*--accept-licence cc-by-nc-4"):
        check_licence("convnextv2_atto", Hub(), accepted)


def test_an_unknown_licence_must_be_accepted_as_such() -> None:
    with pytest.raises(WeightsError, match=r"nobody has written down.*--accept-licence unknown"):
        check_licence("res2net50_26w_4s", Hub(), None)

    check_licence("res2net50_26w_4s", Hub(), "unknown")


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("resnet18", Hub()),
        ("convnextv2_atto", Random()),
        ("convnextv2_atto", File(Path("mine.pth"))),
    ],
)
def test_free_ones_and_one_s_own_need_no_word(name: str, weights: Weights) -> None:
    check_licence(name, weights, None)


def test_the_accepted_licence_goes_on_to_the_weights() -> None:
    check_licence("convnextv2_atto", Hub(), "cc-by-nc-4.0")
