"""JSON shapes of the admin API."""

from pydantic import BaseModel, ConfigDict, Field


class Strict(BaseModel):
    """Unknown fields are refused: a misspelt option must not be ignored."""

    model_config = ConfigDict(extra="forbid")


class InviteRequest(Strict):
    """Whom to invite."""

    name: str = Field(min_length=1, max_length=80)
    days: int = Field(default=14, ge=1, le=365)


class InviteReply(BaseModel):
    """The line to hand to the company. It is shown once."""

    name: str
    invitation: str


class MemberReply(BaseModel):
    """One member: ``state`` is joined, active or removed."""

    partner: str
    name: str
    state: str
    joined_at: int
    last_seen: int
    flower_node: str


class Subject(Strict):
    """A member by name or id."""

    member: str


class VersionReply(BaseModel):
    """A roster version: what the officers compare is ``hash``."""

    height: int
    hash: str
    change: str
    members: list[str]
    approved_by: list[str]


class RosterReply(BaseModel):
    """The version in force and the one that waits for approvals."""

    in_force: VersionReply | None
    proposal: VersionReply | None


class VocabularyRequest(Strict):
    """Concepts in any order; duplicates are dropped."""

    name: str = Field(min_length=1, max_length=80)
    concepts: list[str] = Field(min_length=1)


class VocabularyReply(BaseModel):
    """A published vocabulary."""

    digest: str
    version: int
    name: str
    concepts: int


class AskRequest(Strict):
    """A question to put; what is left out takes the coordinator's settings."""

    question: str
    parameters: dict[str, str | int | list[int]] = Field(default_factory=dict)
    cohort: list[str] = Field(default_factory=list)
    minimum_cohort: int = Field(default=0, ge=0)
    phase_seconds: list[int] | None = None
    suite: int | None = Field(default=None, ge=1, le=2)
    ring_bits: int = 32
    epoch: str = Field(default="1", max_length=80)
    vocabulary: str = ""
    retries: int | None = Field(default=None, ge=0, le=20)


class Asked(BaseModel):
    """The number of the round that is now open."""

    round: int


class PhaseReply(BaseModel):
    """One phase of one attempt. ``seconds`` counts on while it is open."""

    phase: str
    opened_at: int
    seconds: float
    expected: list[str]
    arrived: list[str]


class AttemptReply(BaseModel):
    """One attempt: where it stands, who is in, and why it ended."""

    attempt: int
    phase: str
    cohort: list[str]
    survivors: list[str]
    phases: list[PhaseReply]
    routes: dict[str, str]
    bytes_up: dict[str, int]
    courier_errors: dict[str, str]
    equivocations: list[str]
    deadlines: list[int]
    cause: str
    reason: str
    missing: list[str]
    next_step: str


class RoundReply(BaseModel):
    """One round with all its attempts; ``privacy`` says in words what protects a customer in its sum."""

    round: int
    question: str
    description: str
    state: str
    asked_at: int
    ended_at: int
    elements: int
    vector_bytes: int
    threshold: int
    minimum_cohort: int
    suite: int
    retries_left: int
    sequence: int
    release: str
    differentially_private: bool
    privacy: str
    attempts: list[AttemptReply]


class AbortRequest(Strict):
    """Why a round is ended by hand."""

    reason: str = Field(min_length=1, max_length=300)


class VoteReply(BaseModel):
    """One member's vote; ``looked_at`` is what the voter says it did to know that the numbers are the sum."""

    voter: str
    accept: bool
    reason: str
    looked_at: str


class LinearCheckReply(BaseModel):
    """How far the linear check of a release has come; ``silent`` have not said all that they have to."""

    opened: list[str]
    answered: list[str]
    silent: list[str]


class ReleaseReply(BaseModel):
    """One release; ``asked`` are its questions' parameters, ``readings`` is filled where one release is asked for.

    ``linear_check`` is null where no member checks this release: small sums are recomputed instead.
    """

    release: str
    round: int
    attempt: int
    questions: list[str]
    description: list[str]
    survivors: list[str]
    at: int
    votes: list[VoteReply]
    linear_check: LinearCheckReply | None
    differentially_private: bool
    privacy: str
    asked: list[object] = Field(default_factory=list)
    readings: list[object] = Field(default_factory=list)


class LandmarksReply(BaseModel):
    """Places of concepts in the vocabulary of a release, ascending, as the question `landmarks` takes them."""

    landmarks: list[int]


class Mixture(BaseModel):
    """A mixture of released models, in words."""

    words: str


class MetricReading(BaseModel):
    """Of an evaluation's reading: the best setting of one metric."""

    best: float
    best_mix: Mixture


class AuditReply(BaseModel):
    """The newest tree head."""

    size: int
    root: str


class CheckReply(BaseModel):
    """One line of a verification."""

    what: str
    checked: int
    problem: str


class VerifyReply(BaseModel):
    """A whole verification."""

    well: bool
    checks: list[CheckReply]
