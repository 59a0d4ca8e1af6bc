"""Which licences of weights allow any use, and that nobody uses others unknowingly. No torch.

Weights learned by others are theirs to license: some forbid commercial use, some name fields of
use, of some nobody knows.
"""

from typing import Final

from models.errors import WeightsError

#: Those that allow any use, some of them for naming the authors.
PERMISSIVE: Final = frozenset({"apache-2.0", "bsd-3-clause", "cc-by-4.0", "mit"})

UNKNOWN: Final = "unknown"
OWN: Final = "the user's own"


def check_allowed(name: str, licence: str, accepted: str | None) -> None:
    """Refuses weights that are not free for any use, unless their licence was accepted by name.

    Args:
        name: of the network.
        licence: of its weights.
        accepted: what the user has accepted.

    Raises:
        WeightsError: it was not.
    """
    if licence in PERMISSIVE | {OWN, accepted}:
        return
    said = f"are under {licence}, which does not allow every use"
    if licence == UNKNOWN:
        said = "are under a licence that nobody has written down"
    raise WeightsError(
        f"the weights of {name} {said}. Where that suits you: --accept-licence {licence}. "
        "Others: train-transfer --list-backbones says the licence of each"
    )
