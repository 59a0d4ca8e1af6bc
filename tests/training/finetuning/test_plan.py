"""How long and how fast to fine-tune follows from the number of pictures."""

import pytest

from training.finetuning.plan import FineTuningOptions, plan_fine_tuning


@pytest.mark.parametrize(
    ("pictures", "epochs", "batch_size"),
    [(20, 20, 16), (1000, 8, 16), (1999, 4, 16), (2000, 4, 32), (50_000, 4, 64)],
)
def test_epochs_and_batches_follow_from_the_number_of_pictures(
    pictures: int, epochs: int, batch_size: int
) -> None:
    plan = plan_fine_tuning(pictures, FineTuningOptions(), from_scratch=False)

    assert (plan.epochs, plan.batch_size) == (epochs, batch_size)


def test_what_is_given_overrides_the_rule() -> None:
    asked = FineTuningOptions(epochs=2, learning_rate=1e-5, batch_size=7)

    plan = plan_fine_tuning(1000, asked, from_scratch=False)

    assert (plan.epochs, plan.learning_rate, plan.batch_size) == (2, 1e-5, 7)


def test_from_scratch_takes_longer_and_treats_all_layers_alike() -> None:
    plan = plan_fine_tuning(800, FineTuningOptions(), from_scratch=True)

    assert plan.epochs == 62
    assert plan.layer_decay == 1


def test_several_processes_share_a_batch_evenly() -> None:
    plan = plan_fine_tuning(1000, FineTuningOptions(), from_scratch=False, processes=3)

    assert plan.batch_size == 18
