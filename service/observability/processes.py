"""Figures of processes: the worker's own, and how often those before it have ended.

Apart from `metrics`, as these are no counters that a worker keeps in files: they are what is so now
(memory, open files, since when), and what the supervisor knows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

#: Reasons that are known before they happen: their series begin at 0.
_KNOWN_REASONS = ("out of memory", "SIGKILL", "SIGSEGV", "SIGABRT")


def of_processes(deaths: Mapping[str, int], told: str = "") -> str:
    """All of it as Prometheus reads it; `deaths` by reason, without what is `told` already."""
    registry = CollectorRegistry()
    if "process_start_time_seconds" not in told:
        ProcessCollector(registry=registry)
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
