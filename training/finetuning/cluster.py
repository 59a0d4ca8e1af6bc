"""Tells Lightning which process of the group we are; left to itself it trusts a batch script."""

from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment

from training.group import Group


def environment_of(group: Group) -> ClusterEnvironment:
    """The processes that torchrun or srun has started, or this one alone, in Lightning's words."""
    return _StartedGroup(group)


class _StartedGroup(ClusterEnvironment):
    creates_processes_externally = True  # Lightning starts none

    def __init__(self, group: Group) -> None:
        self._group = group

    @property
    def main_address(self) -> str:
        return self._group.address

    @property
    def main_port(self) -> int:
        return self._group.port

    @staticmethod
    def detect() -> bool:
        return False  # never found by Lightning, always given to it

    def world_size(self) -> int:
        return self._group.size

    def set_world_size(self, size: int) -> None:
        """It is what it is."""

    def global_rank(self) -> int:
        return self._group.rank

    def set_global_rank(self, rank: int) -> None:
        """It is what it is."""

    def local_rank(self) -> int:
        return self._group.local_rank

    def node_rank(self) -> int:
        return self._group.rank // self._group.local_size
