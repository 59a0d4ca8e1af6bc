"""How far a bundle's heatmaps can be believed, as `training.inspection.map_quality` measured it."""

from dataclasses import dataclass

Interval = tuple[float, float]


@dataclass(frozen=True)
class Margin:
    """How much more a map found than another order did, on average over pictures.

    In units of log-odds of the answer: 1 makes it 2.7 times as likely or unlikely.

    Attributes:
        deletion: by how much more the answer fell while places were hidden in the map's order.
        insertion: by how much more it rose while they were shown in the map's order.
        both: their sum.
        interval: of that, at 95 %.
    """

    deletion: float
    insertion: float
    both: float
    interval: Interval

    @property
    def is_sure(self) -> bool:
        """Whether it is more than chance."""
        return self.interval[0] > 0


@dataclass(frozen=True)
class MapQuality:
    """Heatmaps of the answered classes, held against other orders of the same pictures' places.

    Attributes:
        pictures: how many; none that the head had learned from.
        over_random: against places in any order.
        over_centre: against the middle first.
        over_random_head: against the map of a head of random weights on the same network.
        rank_test: how well quarters of a picture are in order by what hiding each costs, in
            [-1, 1]; 0 is chance. `rank_interval`: of that, at 95 %.
        occlusion_agreement: rank correlation with the map by hiding parts; None: not asked.
    """

    pictures: int
    over_random: Margin
    over_centre: Margin
    over_random_head: Margin
    rank_test: float
    rank_interval: Interval
    occlusion_agreement: float | None = None

    @property
    def no_better_than(self) -> str:
        """What the heatmaps were not shown to be better than; empty where that is nothing."""
        if not self.over_random.is_sure:
            return "chance"
        return "" if self.over_centre.is_sure else "the middle"

    @property
    def doubt(self) -> str:
        """A sentence for wherever a heatmap is shown; empty where nothing speaks against it."""
        if not (rival := self.no_better_than):
            return ""
        pointing = "pointing at the middle of each picture" if rival == "the middle" else rival
        measured = f"measured on {self.pictures} pictures"
        if not self.is_open:
            return f"this model's heatmaps are no better than {pointing} ({measured})"
        return (
            f"this model's heatmaps were not shown to be better than {pointing} ({measured}, too "
            "few to tell)"
        )

    @property
    def note(self) -> str:
        """The same in few words, for below a picture."""
        if not (rival := self.no_better_than):
            return ""
        said = "too few pictures to tell them from" if self.is_open else "no better than"
        return f"{said} {rival}"

    @property
    def is_open(self) -> bool:
        """Whether there is a doubt that more pictures might take away."""
        rival = self.no_better_than
        margin = self.over_random if rival == "chance" else self.over_centre
        return bool(rival) and margin.interval[1] > 0
