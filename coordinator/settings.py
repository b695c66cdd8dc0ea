"""Settings of the coordinator: flags over environment over the TOML file in the home folder.

Environment names start with ``ALTROVE_COORDINATOR_``; the file is ``HOME/coordinator.toml``.
"""

import ipaddress
import re
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.sources import InitSettingsSource, TomlConfigSettingsSource

from protocols.errors import BadInput

FILE = "coordinator.toml"
DEFAULT_HOME = Path("~/.altrove/coordinator")
HOST = re.compile(
    r"(?=.{1,253}\Z)[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
)
"""A DNS name (RFC 1123, section 2.1)."""


class Settings(BaseSettings):
    """Everything that an operator may choose.

    ``public_host`` is what companies connect to, where it differs from the address that is bound.
    ``phase_seconds`` are the longest durations of the five phases; ``retries`` how many attempts may
    follow a failed one by themselves; ``spool_days`` how long masked vectors are kept for disputes.
    ``suite`` is the key agreement of rounds that name none: 1, or 2 with ML-KEM-768 against recorded messages.
    ``accept_admin_beyond_loopback`` is for a container whose admin port is published on the host's
    loopback: ``admin_host`` is then the container's address in a network of its own.
    """

    model_config = SettingsConfigDict(env_prefix="ALTROVE_COORDINATOR_", extra="forbid", frozen=True)

    home: Path
    database: str = ""
    host: str = "127.0.0.1"
    public_host: str = ""
    partner_port: int = Field(default=7402, ge=0, le=65535)
    enrol_port: int = Field(default=7401, ge=0, le=65535)
    admin_host: str = "127.0.0.1"
    admin_port: int = Field(default=7400, ge=0, le=65535)
    accept_admin_beyond_loopback: bool = False
    fleet_port: int = Field(default=7403, ge=0, le=65535)
    courier: Literal["flower", "off"] = "flower"
    retries: int = Field(default=2, ge=0, le=20)
    phase_seconds: tuple[int, int, int, int, int] = (60, 60, 600, 60, 60)
    suite: Literal[1, 2] = 1
    spool_days: int = Field(default=7, ge=1)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("host", "public_host")
    @classmethod
    def _is_a_host(cls, value: str) -> str:
        if value and HOST.fullmatch(value) is None:
            try:
                ipaddress.ip_address(value)
            except ValueError:
                raise ValueError("must be a DNS name or an IP address, without a port") from None
        return value

    @model_validator(mode="after")
    def _admin_stays_private(self) -> Self:
        # The admin listener speaks plain HTTP: beyond this machine its tokens would be readable. Every
        # address at once (0.0.0.0) would include the networks in which the companies are.
        address = ipaddress.ip_address(self.admin_host)
        if not address.is_loopback and (address.is_unspecified or not self.accept_admin_beyond_loopback):
            raise ValueError(
                "admin_host must be a loopback address, or one address that only this machine reaches with "
                "accept_admin_beyond_loopback: the admin API speaks plain HTTP"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the library's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags first, then the environment, then the file."""
        home = (
            init_settings.init_kwargs.get("home") if isinstance(init_settings, InitSettingsSource) else None
        )
        file = None if home is None else Path(str(home)) / FILE
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=file))

    @property
    def database_url(self) -> str:
        """The database: the one that is set, else a SQLite file in the home folder."""
        return self.database or f"sqlite:///{self.home / 'coordinator.db'}"

    @property
    def reached_at(self) -> str:
        """The host in the addresses that companies are given."""
        return self.public_host or self.host


def load(home: Path, **flags: Any) -> Settings:
    """The settings of ``home``; ``flags`` that are None are left to the environment and the file.

    Raises:
        BadInput: names each setting that is wrong.
    """
    chosen = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(home=home.expanduser().resolve(), **chosen)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors())
        raise BadInput(
            expected=f"valid settings in {FILE}, the environment and the flags", came=wrong, do="correct them"
        ) from None
    except ValueError as error:  # TOML that does not parse
        raise BadInput(expected=f"{FILE} in TOML", came=str(error), do=f"correct {home / FILE}") from None
