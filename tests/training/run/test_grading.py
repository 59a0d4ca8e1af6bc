from dataclasses import replace

import numpy as np

from training.recipes.material import Material
from training.recipes.outcome import Outcome
from training.run.grading import head_for_held_out


def test_heatmaps_are_graded_by_a_head_that_knows_nothing_of_the_pictures(
    probed: Outcome, material: Material
) -> None:
    features = material.table.features.copy()
    features[material.parts.set_aside] += 100
    others = replace(material, table=replace(material.table, features=features))

    head, same = (head_for_held_out(probed, one, 0.01) for one in (material, others))

    assert head is not None
    assert same is not None
    np.testing.assert_array_equal(head.weight, same.weight)
