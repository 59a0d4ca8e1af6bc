"""All that a recipe learns from and is judged by."""

from dataclasses import dataclass

from training.data.parts import Parts
from training.data.pictures import Pictures
from training.data.sample import Sample
from training.features.table import FeatureTable


@dataclass(frozen=True)
class Material:
    """What the pass over a folder found, divided.

    Attributes:
        table: the frozen features of every picture.
        parts: which of them are for what.
        classes: K names.
        sample: of the training part, to be asked with how many bits a network may compute.
        pictures: opens their files.
        seed: of the folds, and of all chance in fine-tuning.
    """

    table: FeatureTable
    parts: Parts
    classes: tuple[str, ...]
    sample: Sample
    pictures: Pictures
    seed: int
