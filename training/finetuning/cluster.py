"""Tells Lightning which process of the group we are; left to itself it trusts a batch script."""

from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment

from training.group import Group


class StartedGroup(ClusterEnvironment):
    """The processes that torchrun or srun has started, or this one alone."""

    def __init__(self, group: Group) -> None:
        self._group = group

    @property
    def creates_processes_externally(self) -> bool:
        """Lightning starts none."""
        return True

    @property
    def main_address(self) -> str:
        """Of the first process's machine."""
        return self._group.address

    @property
    def main_port(self) -> int:
        """Where the first process listens."""
        return self._group.port

    @staticmethod
    def detect() -> bool:
        """Never found by Lightning, always given to it."""
        return False

    def world_size(self) -> int:
        """How many processes there are."""
        return self._group.size

    def set_world_size(self, size: int) -> None:
        """It is what it is."""

    def global_rank(self) -> int:
        """Our place among all processes."""
        return self._group.rank

    def set_global_rank(self, rank: int) -> None:
        """It is what it is."""

    def local_rank(self) -> int:
        """Our place among those of this machine."""
        return self._group.local_rank

    def node_rank(self) -> int:
        """Our machine's place among the machines."""
        return self._group.rank // self._group.local_size
