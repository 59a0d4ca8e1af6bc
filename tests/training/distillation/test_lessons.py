"""What a student learns, with small real networks."""

import pytest
import torch
from torch import Tensor

from models.backbones.backbone import Backbone, untrained_backbone
from tests.conftest import TINY_BACKBONE, lively_backbone
from tests.training.distillation.conftest import OTHER_BACKBONE
from training.distillation.learner import Learner
from training.distillation.lessons import (
    BlockByBlock,
    Joined,
    Mapped,
    chain_of,
    lessons_for,
    relative_error,
)
from training.distillation.plan import make_plan


@pytest.fixture
def images() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (8, 3, 64, 64), dtype=torch.uint8, generator=generator)


def student(name: str) -> Backbone:
    torch.manual_seed(1)
    return untrained_backbone(name)


@pytest.mark.parametrize(
    ("name", "blocks", "stages"),
    [("resnet18", 9, 5), ("mobilenetv2_100", 19, 9), ("vgg11_bn", 8, 1)],
)
def test_networks_are_chains_of_their_own_blocks(name: str, blocks: int, stages: int) -> None:
    chain = chain_of(untrained_backbone(name))

    assert chain is not None
    assert (len(chain), len({block.stage for block in chain})) == (blocks, stages)


def test_a_network_that_is_no_chain_is_taken_for_none() -> None:
    assert chain_of(untrained_backbone("hrnet_w18_small")) is None


def test_networks_of_one_shape_learn_block_by_block() -> None:
    first, second = lessons_for(lively_backbone(TINY_BACKBONE), student(TINY_BACKBONE))

    assert isinstance(first, BlockByBlock)
    assert isinstance(second, Joined)


@pytest.mark.parametrize("name", [OTHER_BACKBONE, "resnet10t"])
def test_networks_of_different_shapes_learn_through_a_map(name: str) -> None:
    first, second = lessons_for(lively_backbone(TINY_BACKBONE), student(name))

    assert first is None
    assert isinstance(second, Mapped)


@pytest.mark.parametrize("name", [TINY_BACKBONE, OTHER_BACKBONE])
def test_a_student_comes_nearer_to_its_teacher(name: str, images: Tensor) -> None:
    learner = Learner(lively_backbone(TINY_BACKBONE), student(name))

    first = learner.learn(images, 0.03)
    for _ in range(30):
        last = learner.learn(images, 0.03)

    assert all(last[what] < 0.8 * first[what] for what in first)


def test_blocks_learn_from_the_teachers_input_alone(images: Tensor) -> None:
    """The same gradients, whatever the blocks before it have learned."""
    learner = Learner(lively_backbone(TINY_BACKBONE), student(TINY_BACKBONE))
    last = learner.student.model.get_submodule("layer4")
    before = {k: v.clone() for k, v in last.state_dict().items()}
    learner.learn(images, 1e-3)
    once = {k: v.clone() for k, v in last.state_dict().items()}
    other = Learner(lively_backbone(TINY_BACKBONE), student(TINY_BACKBONE))
    torch.nn.init.zeros_(other.student.model.get_parameter("conv1.0.weight"))

    other.learn(images, 1e-3)

    assert any(not torch.equal(before[k], once[k]) for k in once)
    found = other.student.model.get_submodule("layer4").state_dict()
    assert all(torch.equal(found[k], once[k]) for k in once)


def test_the_teacher_never_changes(images: Tensor) -> None:
    teacher = lively_backbone(TINY_BACKBONE)
    learner = Learner(teacher, student(TINY_BACKBONE))
    before = {k: v.clone() for k, v in teacher.state_dict().items()}

    learner.learn(images, 1e-2)
    learner.join()
    learner.learn(images, 1e-2)

    assert all(torch.equal(v, before[k]) for k, v in teacher.state_dict().items())


def test_statistics_are_those_of_the_joined_network(images: Tensor) -> None:
    learner = Learner(lively_backbone(TINY_BACKBONE), student(TINY_BACKBONE))
    for _ in range(3):
        learner.learn(images, 1e-3)

    learner.retake_statistics(learner.student, [images])

    network = learner.student
    network.model.train()
    views = learner._views(images)
    trained = network.trunk(views.student)
    network.model.eval()
    assert torch.allclose(network.trunk(views.student), trained, rtol=0.2, atol=0.2)


def test_a_relative_error_is_0_for_the_teacher_and_1_for_its_mean() -> None:
    wanted = torch.randn(64, 5, 4, 4, generator=torch.Generator().manual_seed(0)) + 3
    mean = wanted.mean((0, 2, 3), keepdim=True).expand_as(wanted)

    assert float(relative_error(wanted, wanted)) == 0
    assert float(relative_error(mean, wanted)) == pytest.approx(1, rel=1e-4)


def test_the_plan_joins_grows_and_ends_with_small_steps() -> None:
    plan = make_plan(32_000, 32, (128, 192), None)

    assert (plan.steps, plan.blockwise_steps) == (1000, 300)
    assert [plan.crop(s) for s in (0, 299, 300, 700, 730, 999)] == [128, 128, 128, 128, 160, 192]
    assert plan.rate(299) < 1e-5
    assert plan.rate(331) == pytest.approx(7.7e-4, rel=0.05)  # rising again
    assert plan.rate(999) < 1e-5


def test_a_plan_with_another_end_keeps_where_the_blocks_were_joined() -> None:
    plan = make_plan(64_000, 32, (128, 128), 350)

    assert (plan.steps, plan.blockwise_steps) == (2000, 350)
    assert {plan.crop(step) for step in range(plan.steps)} == {128}
