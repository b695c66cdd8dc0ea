"""Settings of a node: ``node.toml`` in its home, overridden by ``ALTROVE_NODE_*`` variables.

Built once in the CLI and passed down. The defaults refuse rather than reveal: differencing and a
cohort of three are accepted by name only.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

import tomli_w
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from participant.errors import BadSettings
from participant.home import Home
from participant.store.calendar import Calendar, zone_named
from protocols.errors import BadInput
from protocols.limits import RECOMPUTED_MEMBERS, SQUARE_MAX
from protocols.policy import LIFETIME_MONTHS, UNRELEASED_EPSILON, Policy
from protocols.privacy import DELTA_MAX, LIFETIME_EPSILON, QUARTER_EPSILON
from protocols.service import durable
from protocols.service.proxy import HttpProxy
from protocols.training import TRAINING_ROWS

Seconds = Annotated[float, Field(gt=0)]
UnixSeconds = Annotated[int, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PolicySettings(_Part):
    """What this company refuses, whoever asks (see ``protocols.policy``)."""

    questions: tuple[str, ...] = ("taste", "evaluation")
    minimum_cohort: int = 4
    colluders: int = -1
    customers_floor: int = 50
    differencing_floor: int = 0
    accept_company_differencing: bool = False
    accept_two_expose_the_third: bool = False
    suites: Annotated[tuple[Literal[1, 2], ...], Field(min_length=1)] = (1, 2)
    require_dp: bool = False
    epsilon_quarter: Annotated[float, Field(gt=0, allow_inf_nan=False)] = QUARTER_EPSILON
    epsilon_lifetime: Annotated[float, Field(gt=0, allow_inf_nan=False)] = LIFETIME_EPSILON
    delta: Annotated[float, Field(gt=0, le=DELTA_MAX)] = DELTA_MAX
    lifetime_months: Annotated[int, Field(ge=1)] = LIFETIME_MONTHS
    epsilon_unreleased: Annotated[float, Field(gt=0, allow_inf_nan=False)] = UNRELEASED_EPSILON
    recomputed_members: Annotated[int, Field(ge=0)] = RECOMPUTED_MEMBERS
    training_rows: Annotated[int, Field(ge=0)] = TRAINING_ROWS
    accept_unrecomputed: bool = False

    @model_validator(mode="after")
    def _budgets(self) -> Self:
        if self.epsilon_quarter > self.epsilon_lifetime:
            raise ValueError("epsilon_quarter must not be above epsilon_lifetime")
        return self

    def policy(self) -> Policy:
        """The protocol's value."""
        return Policy(**self.model_dump())


class ListenSettings(_Part):
    """Where the API and the console listen; loopback unless the operator says otherwise."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8470


class ExchangeSettings(_Part):
    """Patience: ``fallback_after_s`` without a courier, or ``fallback_share`` of the phase, then PUT.

    ``proxy``: the HTTP proxy through which everything leaves, "" for none. Secret, as it may hold a password.
    """

    poll_s: Annotated[int, Field(ge=1, le=25)] = 20
    fallback_after_s: Seconds = 45.0
    fallback_share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    backoff_max_s: Seconds = 15.0
    proxy: SecretStr = SecretStr("")

    @field_validator("proxy")
    @classmethod
    def _an_address(cls, given: SecretStr) -> SecretStr:
        try:
            HttpProxy.parse(given.get_secret_value() or "http://none:1")
        except BadInput as bad:
            raise ValueError(f"expected {bad.expected}, came {bad.came}") from None
        return given

    @property
    def through(self) -> HttpProxy | None:
        """The proxy on the way to the coordinator, or None."""
        return HttpProxy.parse(self.proxy.get_secret_value()) if self.proxy.get_secret_value() else None


class TrainingSettings(_Part):
    """Windows in unix seconds UTC; 0 takes them from the data (the last eighth validates).

    ``square_max``: concepts up to which the own model weighs every pair; memory goes with
    their square. Beyond, the own model is read from the columns of what most customers bought.
    ``threads`` of linear algebra in the daemon: with more a model of many concepts is trained sooner, and requests
    take more of the processor.
    """

    fit_until: UnixSeconds = 0
    validation_until: UnixSeconds = 0
    square_max: Annotated[int, Field(ge=0)] = SQUARE_MAX
    threads: Annotated[int, Field(ge=1)] = 1
    local_first: bool = False


class SuggestionSettings(_Part):
    """``deny``: the groups of sensitive categories that are never suggested unless the officer rules otherwise.

    Single concepts and categories are ruled by `altrove-node sensitive`, which keeps a record.
    """

    deny: tuple[Literal["health", "pregnancy", "alcohol", "minors", "tobacco"], ...] = (
        "health",
        "pregnancy",
        "alcohol",
        "minors",
        "tobacco",
    )


class CalendarSettings(_Part):
    """The clock on the shop's wall: an IANA time ``zone``, and whether January is summer there."""

    zone: str = "UTC"
    southern: bool = False

    @field_validator("zone")
    @classmethod
    def _a_zone(cls, given: str) -> str:
        try:
            zone_named(given)
        except BadInput as bad:
            raise ValueError(f"expected {bad.expected}, came {bad.came}") from None
        return given

    def calendar(self) -> Calendar:
        """The node's calendar."""
        return Calendar(self.zone, southern=self.southern)


class CourierSwitch(_Part):
    """Who runs Flower's processes, and how shut in.

    ``mode``: "beside" this daemon, "apart" (`altrove-node courier`, in a container of its own), or "off":
    vectors go over the API. ``user`` is the courier's, a name or number; under root it is "nobody" unless
    named. Without ``require_sandbox`` the courier runs beside this daemon even where no sandbox works.
    """

    mode: Literal["beside", "apart", "off"] = "beside"
    user: str = ""
    require_sandbox: bool = True


class Settings(BaseSettings):
    """All settings of one node."""

    model_config = SettingsConfigDict(
        env_prefix="ALTROVE_NODE_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    database: str = ""
    policy: PolicySettings = PolicySettings()
    listen: ListenSettings = ListenSettings()
    exchange: ExchangeSettings = ExchangeSettings()
    training: TrainingSettings = TrainingSettings()
    suggestions: SuggestionSettings = SuggestionSettings()
    calendar: CalendarSettings = CalendarSettings()
    courier: CourierSwitch = CourierSwitch()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load(home: Home) -> Settings:
    """Read ``node.toml`` and the environment.

    Raises:
        BadSettings: an unknown name or a value of another kind.
    """

    class _Here(Settings):
        model_config = SettingsConfigDict(toml_file=home.settings)

    try:
        return _Here()
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadSettings(
            expected=f"a setting that node.toml knows at `{place}`",
            came=first["msg"],
            do=f"correct {home.settings} or the variable ALTROVE_NODE_{place.upper().replace('.', '__')}",
        ) from None
    except ValueError as error:
        raise BadSettings(
            expected="TOML", came=str(error), do=f"correct the syntax of {home.settings}"
        ) from None


def write_default(home: Home, *, port: int) -> None:
    """Write ``node.toml`` with the defaults spelled out, unless there is one."""
    if home.settings.exists():
        return
    shown = Settings.model_construct(listen=ListenSettings(port=port)).model_dump(mode="json")
    durable.write(home.settings, [tomli_w.dumps(shown).encode()])


def database_url(settings: Settings, home: Home) -> str:
    """The database of this node."""
    return settings.database or home.database


def home_at(path: Path) -> Home:
    """The home at ``path``, made absolute."""
    return Home(root=path.expanduser().resolve())
