"""What arrives: all rooms of the service know it by this type."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Upload:
    """One picture as it came, by the name that its sender gave it."""

    file_name: str
    data: bytes
