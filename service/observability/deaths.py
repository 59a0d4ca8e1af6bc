"""How often workers have ended, as Prometheus reads it.

Apart from `metrics`, which a worker counts: this the supervisor knows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

#: Reasons that are known before they happen: their series begin at 0.
_KNOWN_REASONS = ("out of memory", "SIGKILL", "SIGSEGV", "SIGABRT")


def told_of_deaths(deaths: Mapping[str, int]) -> str:
    """One counter, by reason."""
    registry = CollectorRegistry()
    registry.register(_Deaths(deaths))
    return generate_latest(registry).decode()


@dataclass(frozen=True, eq=False)
class _Deaths(Collector):
    deaths: Mapping[str, int]

    def collect(self) -> Iterator[CounterMetricFamily]:
        """One counter."""
        family = CounterMetricFamily(
            "transfer_worker_deaths",
            "Workers that ended and should not have, by signal or exit code; others took over",
            labels=["reason"],
        )
        for reason, count in (dict.fromkeys(_KNOWN_REASONS, 0) | {**self.deaths}).items():
            family.add_metric([reason], count)
        yield family
