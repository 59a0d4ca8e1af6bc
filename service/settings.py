"""What may be set about the service: environment variables that begin with TRANSFER_, read once.

Nothing else in the service reads the environment. Every limit that a client can meet stands here.
"""

import logging
import os
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.cores import granted_cores
from models.errors import UsageError
from models.image_files import MAX_PIXELS
from models.limits import DECODE_SECONDS, LEAST_DECODE_MEMORY, MAX_BATCH, decode_memory
from models.providers import Provider

log = logging.getLogger(__name__)

PREFIX: Final = "TRANSFER_"

LogFormat = Literal["text", "json"]

#: `model`: everything in the store. A bundle of that name is asked for as `all:latest`.
_ALL: Final = "all"


class Settings(BaseSettings):
    """The settings of one service process."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
    )

    model: str | None = Field(
        None,
        description="what is served: one or several, with commas, of `name`, whose newest version "
        "is taken up while running, `name:version`, and paths of files that end with .onnx, which "
        "are taken up when they change; or `all` of the store; the first is the "
        "default. If unset, the name of the newest bundle at the start",
    )
    watch_seconds: float = Field(
        5, ge=0, description="how often the store is looked at for new versions; 0: never"
    )
    provider: Provider = Field(
        "auto", description="cpu; cuda, which must then be had; auto: cuda where it comes up"
    )
    threads: int = Field(
        default_factory=granted_cores,
        ge=1,
        description="threads that the network runs on; default: the cores granted",
    )
    decode_workers: int = Field(
        default_factory=granted_cores,
        ge=1,
        description="processes that decode and draw, one picture at a time each, and one more "
        "while some take longer than a second; default: the same",
    )
    decode_seconds: float = Field(
        DECODE_SECONDS,
        gt=0,
        description="for decoding, and again for drawing, one picture; above it 413",
    )
    decode_memory_bytes: int = Field(
        default_factory=lambda known: decode_memory(known.get("decode_workers", 1)),
        ge=LEAST_DECODE_MEMORY,
        description="address space of a process that decodes, Python's own included; above it 413; "
        "default: 2 GiB, or less where all of them and the service would not fit into what the "
        "container grants",
    )
    max_batch: int = Field(
        MAX_BATCH, ge=1, description="pictures that one run of the network takes"
    )
    queue_size: int = Field(
        256,
        ge=1,
        description="pictures of all requests and models, from arrival to answer; beyond them 503",
    )
    max_bytes_in_flight: int = Field(
        256 * 1024**2,
        ge=1,
        description="bytes of all bodies from arrival to answer; beyond them 503",
    )
    body_seconds: float = Field(30, gt=0, description="for a request's body to arrive; then 408")
    answer_seconds: float = Field(
        20, gt=0, description="from the arrival of the body to the answer; then 503"
    )
    max_pictures: int = Field(32, ge=1, description="pictures in one request")
    max_body_bytes: int = Field(
        32 * 1024**2, ge=1, description="bytes of a request's body, all pictures together"
    )
    max_pixels: int = Field(
        MAX_PIXELS,
        ge=1,
        description="pixels of a picture, as its header claims; a phone's 200 megapixels pass",
    )
    api_keys: SecretStr | None = Field(
        None,
        description="keys that open the service, separated by commas; default: none is needed",
    )
    api_keys_file: Path | None = Field(
        None, description="file with more keys, one a line; it is read again when it changes"
    )
    queue_size_by_name: int | None = Field(
        None,
        ge=1,
        description="pictures of all keys of one name (name=key), of those of queue_size; beyond "
        "them 503; default: all",
    )
    proxies: str | None = Field(
        None,
        description="addresses or networks, separated by commas, of proxies whose X-Forwarded-For "
        "says who asks; one on this machine is believed anyhow",
    )
    log_client: bool = Field(
        default=True,
        description="whether the log has the address that a request came from; off: it has not",
    )
    cors_origins: str | None = Field(
        None,
        description="origins whose pages may ask, separated by commas, or *; default: none may",
    )
    log_format: LogFormat = Field("text", description="text for people, or json: one object a line")

    @property
    def named_keys(self) -> list[str]:
        """The keys of `api_keys`; those of the file are not among them."""
        return _separated(self.api_keys.get_secret_value() if self.api_keys else "")

    @property
    def known_proxies(self) -> list[str]:
        """The addresses and networks of `proxies`."""
        return _separated(self.proxies or "")

    @property
    def allowed_origins(self) -> list[str]:
        """The origins whose pages may ask; empty: none but our own."""
        return _separated(self.cors_origins or "")

    @property
    def models(self) -> tuple[str, ...]:
        """The names and tags of `model`; empty if it is unset."""
        return tuple(name.strip() for name in self.model.split(",")) if self.model else ()

    @property
    def serves_all(self) -> bool:
        """Whether everything in the store is served."""
        return self.models == (_ALL,)

    @model_validator(mode="after")
    def _check_what_goes_together(self) -> "Settings":
        for part, whole in (
            ("max_pictures", "queue_size"),
            ("queue_size_by_name", "queue_size"),
            ("max_pictures", "queue_size_by_name"),
            ("max_body_bytes", "max_bytes_in_flight"),
        ):
            if None in (below := getattr(self, part), above := getattr(self, whole)):
                continue
            if below > above:
                raise ValueError(
                    f"{_variable(part)} ({below}) is above {_variable(whole)} ({above}): such a "
                    "request could never be answered"
                )
        if not self.serves_all and not {"", _ALL}.isdisjoint(self.models):
            raise ValueError(
                f"{_variable('model')} is {self.model!r}: it takes names or tags with commas "
                f"between them, or the one word {_ALL!r}"
            )
        return self


def _variable(name: str) -> str:
    return f"{PREFIX}{name}".upper()


def _separated(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def read_settings() -> Settings:
    """Reads the environment; UsageError where a value is not allowed, with the variable's name."""
    _warn_of_unknown_names()
    try:
        return Settings()
    except ValidationError as error:
        raise UsageError(_sentence(error)) from error


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    reason = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:  # several settings that do not go together
        return reason
    return f"{_variable(str(first['loc'][0]))} is {first['input']!r}: {reason}"


def _warn_of_unknown_names() -> None:
    """A misspelt name would go unseen; an error would trip over Kubernetes' own variables."""
    known = set(map(_variable, Settings.model_fields))
    for name in sorted(os.environ):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            log.warning("%s is no setting; known are %s", name, ", ".join(sorted(known)))
