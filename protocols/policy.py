"""What a company's own policy refuses, whoever asks: the floors of the secure sum, of one and between two.

Every check is a pure function over a :class:`Policy` (on the company's own disk) and the signed configuration; what
no policy can allow is in :mod:`protocols.history`. Nothing here trusts the coordinator.
With n the cohort, t the threshold, m the minimum cohort and c the colluding members tolerated:

* 2t > n + c, or colluders could finish two sums of one round and subtract them;
* max(t, m) - c >= 2, or the sum hides one honest company among none;
* at least t and at least m survivors, and a survivor set that does not differ from an earlier
  released one by fewer than d members, d >= c + 2: colluders subtract their own answers.

The coordinator chooses the cohort: by default c is what the whole *roster* tolerates, or it could ask
those few members alone that collude, and one other.

>>> threshold(3), threshold(4), threshold(5), threshold(7), threshold(10), threshold(100)
(3, 3, 4, 5, 7, 67)
>>> default_colluders(3), default_colluders(4), default_colluders(5), default_colluders(7)
(1, 1, 1, 2)
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from math import inf

from protocols.errors import (
    BelowMinimumCohort,
    DifferencingRefused,
    NoiseRequired,
    QuestionNotAllowed,
    SuiteNotAllowed,
    ThresholdTooLow,
    TooFewCustomers,
    TooFewSurvivors,
    UnknownSigner,
)
from protocols.identity import PartnerId
from protocols.limits import COHORT_MIN, RECOMPUTED_BYTES, RECOMPUTED_MEMBERS
from protocols.messages import CLASSICAL, HYBRID, PUBLIC_BYTES, RoundConfig
from protocols.privacy import DELTA_MAX, LIFETIME_EPSILON, QUARTER_EPSILON, Budget
from protocols.training import TRAINING_ROWS, check_training

DEFAULT_COLLUDERS = -1
"""In a policy: "as many as the cohort's size allows", see :func:`default_colluders`."""

DEFAULT_MINIMUM_COHORT = 4
"""One above the protocol floor: any three members can be two colluders and their victim."""

LIFETIME_MONTHS = 24
"""How long purchases are kept by default: no debit is forgotten before."""

UNRELEASED_EPSILON = QUARTER_EPSILON / 2
"""What of a quarter may be lost to rounds that fail after the masked vectors left."""

HONEST_FLOOR = 2
"""Honest answers that every sum must contain: with one, the sum minus the colluders' is that answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One company's rules. The defaults refuse; what weakens them is accepted by name.

    Attributes:
        questions: names of the questions that may be answered at all.
        minimum_cohort: m, the fewest companies in any sum that contains this one.
        colluders: c, or -1 for :func:`default_colluders` of the roster.
        customers_floor: the fewest customers with which this company answers.
        differencing_floor: d, or 0 for m; never below c + 2.
        accept_company_differencing: "I know that subtracting two releases may show my company's sum".
        accept_two_expose_the_third: "in a cohort of three, two members together learn my answer";
            it is the only way to state c = 2 for three companies, where one honest answer is left.
        suites: the suites of key agreement that are accepted; (2,) refuses whatever a quantum computer opens.
        require_dp: refuse every question without differential-privacy noise.
        epsilon_quarter, epsilon_lifetime: what the answers with noise may cost together for one account,
            in a calendar quarter and over the lifetime of its purchases.
        delta: at which epsilon is read; a question for very many customers is read at a smaller one.
        lifetime_months: a debit counts at least so long, whatever purchases later questions are about.
        epsilon_unreleased: what answers that left and came into no sum may cost a quarter; from there on no
            other one is given, only the same ones again.
        recomputed_members: up to so many survivors this company recomputes a sum unasked; a sum of more is
            checked by the linear check, in which all its survivors take part, so that all state the same.
        training_rows: the most customers' rows that one answer may train on or rank (`protocols.training`).
        accept_unrecomputed: "use such a sum also where the coordinator does not hand over what recomputing takes".
    """

    questions: tuple[str, ...]
    minimum_cohort: int = DEFAULT_MINIMUM_COHORT
    colluders: int = DEFAULT_COLLUDERS
    customers_floor: int = 1
    differencing_floor: int = 0
    accept_company_differencing: bool = False
    accept_two_expose_the_third: bool = False
    suites: tuple[int, ...] = (CLASSICAL, HYBRID)
    require_dp: bool = False
    epsilon_quarter: float = QUARTER_EPSILON
    epsilon_lifetime: float = LIFETIME_EPSILON
    delta: float = DELTA_MAX
    lifetime_months: int = LIFETIME_MONTHS
    epsilon_unreleased: float = UNRELEASED_EPSILON
    recomputed_members: int = RECOMPUTED_MEMBERS
    training_rows: int = TRAINING_ROWS
    accept_unrecomputed: bool = False

    def __post_init__(self) -> None:
        if self.minimum_cohort < COHORT_MIN:
            raise BelowMinimumCohort(
                expected=f"a minimum cohort of at least {COHORT_MIN}",
                came=str(self.minimum_cohort),
                do="raise it; with two companies each learns the other's answer by subtraction",
            )
        if not self.suites or not set(self.suites) <= set(PUBLIC_BYTES):
            raise ValueError(f"suites: one or more of {', '.join(map(str, PUBLIC_BYTES))}")
        if self.colluders < DEFAULT_COLLUDERS or self.customers_floor < 0 or self.differencing_floor < 0:
            raise ValueError("colluders from -1, floors from 0")
        if not 0 < self.epsilon_quarter <= self.epsilon_lifetime < inf or not 0 < self.delta <= DELTA_MAX:
            raise ValueError(f"0 < epsilon_quarter <= epsilon_lifetime and 0 < delta <= {DELTA_MAX:g}")
        if self.lifetime_months < 1 or not 0 < self.epsilon_unreleased < inf:
            raise ValueError("lifetime_months from 1, epsilon_unreleased above 0")
        if self.recomputed_members < 0:
            raise ValueError("recomputed_members from 0")
        if self.training_rows < 0:
            raise ValueError("training_rows from 0")

    @property
    def budget(self) -> Budget:
        """What the answers with noise may cost together."""
        return Budget(quarter=self.epsilon_quarter, lifetime=self.epsilon_lifetime)

    def recomputes(self, survivors: int, vector_bytes: int) -> bool:
        """Whether a sum of so many vectors of so many bytes is recomputed unasked; if not, it is checked.

        >>> policy = Policy(questions=())
        >>> policy.recomputes(32, 2**21), policy.recomputes(33, 4), policy.recomputes(32, 2**22)
        (True, False, False)
        """
        return survivors <= self.recomputed_members and survivors * vector_bytes <= RECOMPUTED_BYTES

    def colluders_of(self, n: int) -> int:
        """The c of a cohort of ``n``."""
        return default_colluders(n) if self.colluders == DEFAULT_COLLUDERS else self.colluders

    def differencing(self, n: int) -> int:
        """d: the fewest members by which two different survivor sets in a roster of ``n`` must differ.

        At least ``HONEST_FLOOR`` of them must be honest: what two sums leave of each other is a sum too.

        >>> Policy(questions=()).differencing(5), Policy(questions=()).differencing(20)
        (4, 8)
        """
        return max(self.differencing_floor or self.minimum_cohort, self.colluders_of(n) + HONEST_FLOOR)


def threshold(n: int) -> int:
    """The threshold t = floor(2n/3) + 1.

    >>> threshold(6)  # ceil(2n/3) = 4 would let two colluders finish two sums: 2 * 4 = 6 + 2
    5
    """
    return 2 * n // 3 + 1


def default_colluders(n: int) -> int:
    """By default c = max(1, floor((n - 1) / 3)): the most that t tolerates, and never none.

    >>> all(2 * threshold(n) > n + default_colluders(n) for n in range(3, 1001))
    True
    """
    return max(1, (n - 1) // 3)


def check_config(policy: Policy, config: RoundConfig, members: int = 0) -> None:
    """Check a configuration against the policy before anything is sent.

    ``members`` is the size of the roster that the cohort was chosen from, where that is larger.

    Raises:
        BelowMinimumCohort: m below the policy's, more than n, or too few honest answers in a sum.
        ThresholdTooLow: t below floor(2n/3) + 1, or 2t <= n + c.
        SuiteNotAllowed: the policy does not list the suite.
        QuestionNotAllowed: a block's question is not in the policy; one block refuses the vector.
        NoiseRequired: the policy asks for noise and a block has none.
        TooMuchTraining: a block asks for a longer training, or for more rankings, than the policy allows.
    """
    n, t, m = len(config.cohort), config.threshold, config.minimum_cohort
    c = policy.colluders_of(max(n, members))
    if config.suite not in policy.suites:
        raise SuiteNotAllowed(
            expected=f"suite {' or '.join(map(str, policy.suites))}",
            came=f"a round in suite {config.suite}",
            do="ask in a suite that every member accepts, or change suites in the node's policy",
        )
    if m < policy.minimum_cohort:
        raise BelowMinimumCohort(
            expected=f"at least {policy.minimum_cohort} companies in every sum",
            came=f"a round that accepts {m} of {n}",
            do="invite more companies, or lower minimum_cohort in the node's policy",
        )
    if t < threshold(n) or 2 * t <= n + c:
        raise ThresholdTooLow(
            expected=f"a threshold of {threshold(n)} or more with 2t > n + c for n = {n}, c = {c}",
            came=str(t),
            do="refuse the round; enlarge the cohort or tolerate fewer colluders",
        )
    honest, floor = max(t, m) - c, HONEST_FLOOR
    if n == COHORT_MIN and policy.accept_two_expose_the_third:
        floor = HONEST_FLOOR - 1
    if honest < floor:
        raise BelowMinimumCohort(
            expected=f"at least {floor} honest answers in a sum of {max(t, m)} with {c} colluders",
            came=str(honest),
            do="enlarge the cohort, or (three companies only) set accept_two_expose_the_third",
        )
    for block in config.answer.blocks:
        if block.question not in policy.questions:
            raise QuestionNotAllowed(
                expected=f"one of {', '.join(policy.questions) or 'no questions'}",
                came=block.question[:40],
                do="add the question to the node's policy if the company agrees to answer it",
            )
        if policy.require_dp and block.noise_sigma == 0:
            raise NoiseRequired(
                expected=f"{block.question} with differential-privacy noise",
                came="a question without noise",
                do="ask with noise, or set require_dp to false in the node's policy",
            )
        check_training(policy.training_rows, block)


def check_customers(policy: Policy, customers: int) -> None:
    """Refuse to answer for fewer customers than the policy's floor.

    Raises:
        TooFewCustomers: as it says.
    """
    if customers < policy.customers_floor:
        raise TooFewCustomers(
            expected=f"at least {policy.customers_floor} customers",
            came=str(customers),
            do="connect more data, or lower customers_floor in the node's policy",
        )


def check_survivors(policy: Policy, config: RoundConfig, survivors: Collection[PartnerId]) -> None:
    """Check U1, U2 or U3 before going on with it.

    Raises:
        UnknownSigner: a member twice, or not of the cohort.
        TooFewSurvivors: fewer than t.
        BelowMinimumCohort: fewer than m, the round's or the policy's.
    """
    if len(set(survivors)) != len(survivors) or not set(survivors) <= set(config.cohort):
        raise UnknownSigner(
            expected="distinct members of the cohort", came="others", do="refuse the set of survivors"
        )
    if len(survivors) < config.threshold:
        raise TooFewSurvivors(
            expected=f"at least {config.threshold} members",
            came=str(len(survivors)),
            do="abort; the coordinator may start another attempt",
        )
    minimum = max(config.minimum_cohort, policy.minimum_cohort)
    if len(survivors) < minimum:
        raise BelowMinimumCohort(
            expected=f"at least {minimum} companies in the sum",
            came=str(len(survivors)),
            do="abort; nothing was unmasked",
        )


def check_differencing(
    policy: Policy,
    survivors: Collection[PartnerId],
    earlier: Iterable[Collection[PartnerId]],
    *,
    members: int,
) -> None:
    """Refuse a survivor set that differs from an earlier released one by fewer than d members.

    ``earlier`` are the survivor sets of released sums of the same question over overlapping data,
    in any order; ``members`` is the size of the roster. The same set again is no difference. Only pairs are compared: three releases
    that cancel out to one company are not found here.

    Raises:
        DifferencingRefused: unless the officer accepted company-level differencing by name.
    """
    if policy.accept_company_differencing:
        return
    enough = policy.differencing(members)
    for released in earlier:
        apart = len(set(survivors) ^ set(released))
        if 0 < apart < enough:
            raise DifferencingRefused(
                expected=f"the same companies as before, or at least {enough} others",
                came=f"sets that differ by {apart}",
                do="change memberships in batches, or set accept_company_differencing in the node's policy",
            )
