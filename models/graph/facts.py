"""What there is to know of a network beside its graphs, for who has those and no torch."""

from dataclasses import dataclass

from models.graph.geometry import MapShape
from models.preprocessing import Preprocessing


@dataclass(frozen=True)
class Facts:
    """Of a pretrained network without its last layer.

    Attributes:
        key: SHA-256 of all that its graphs depend on.
        name: as `--backbone` takes it.
        weights: as `--weights` takes them.
        origin: where those came from, for a bundle.
        licence: under which they are.
        base_model: where anybody gets them; empty where they are the user's.
        preprocessing: how timm evaluates it: H and W of its input.
        num_features: C, which enter the last layer.
        is_random: whether it has never learned anything.
        learns_from_scratch: whether it is made for that.
        map_shape: of its last activations beside its pictures.
    """

    key: str
    name: str
    weights: str
    origin: str
    licence: str
    base_model: str
    preprocessing: Preprocessing
    num_features: int
    is_random: bool
    learns_from_scratch: bool
    map_shape: MapShape
