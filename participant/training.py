"""From releases to a deployed model: which sums belong together, when to train, what is in use.

Two ``taste`` sums are needed: one until the end of the fit window, to choose and to gate on this
company's own validation weeks, and a later one to refit on. Lambda comes from the consortium's
``evaluation`` of the first sum where there is one. Without two sums the node can train on its own data
alone. Training runs in a job of its own; the model in use keeps serving until the new one is saved.
"""

import json
import shutil
import threading
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import Engine

from participant.contents import CONTENT, contents_for, paired
from participant.counting import way_of
from participant.errors import AnswerMissing, AnswerVoided, NoData
from participant.evaluated import Evaluated, block_of
from participant.guard import Guard
from participant.models import SCENARIOS, NodeModel, ScenarioModel, Windows, load, save
from participant.models import Exchange as Released
from participant.newcomer_shelf import NewcomerShelf
from participant.release_desk import ReleaseDesk
from participant.release_shelf import open_stored
from participant.rhythms import rhythms_for
from participant.settings import TrainingSettings
from participant.store.appetites import SaidAppetites
from participant.store.erasures import Erasures, Mark
from participant.store.membership import Membership
from participant.store.records import Records
from participant.store.releases import Deployment, Releases, StoredRelease
from participant.surprise import train
from protocols.errors import PeerFault
from protocols.questions import question_named, taste
from protocols.questions.mixture import Mixture
from protocols.questions.network import Network
from protocols.service import durable
from protocols.service.clock import Clock
from protocols.service.jobs import Stop
from protocols.service.unit_of_work import reading, transaction

DEFAULT_LAMBDA: Final = 1000
"""Ridge of EASE on binary rows where the consortium has not evaluated: the middle of the range tried."""

UNIT_LAMBDA: Final = 60
"""The same for unit rows; `tests/benchmarks/results/privacy_quality.json` has the best ridge of every noise."""

LOOK_EVERY_S: Final = 2.0
VALIDATION_PART: Final = 8
"""Without windows in settings or releases, the last eighth of the data validates."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to train on. ``refitted`` is the newest sum; ``fitted`` the newest earlier one that counts alike.

    ``mixes`` and ``encoders`` are what the consortium's evaluation chose for a scenario: how released models are
    mixed, and the encoder releases that started from the two sums. ``contents``: the pair of `content` sums, or none.
    """

    windows: Windows
    fitted: bytes
    refitted: bytes
    lambdas: dict[str, int]
    row_scheme: str
    items_cap: int
    mixes: dict[str, Mixture] = field(default_factory=dict)
    encoders: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)
    contents: tuple[bytes, ...] = ()


class Trainer:
    """Trains and deploys; the newest deployment is the model in use."""

    def __init__(
        self,
        *,
        db: Engine,
        releases: ReleaseDesk,
        records: Records,
        folder: Path,
        clock: Clock,
        settings: TrainingSettings,
        questions: tuple[str, ...],
        guard: Guard,
    ) -> None:
        self._db = db
        self._releases = releases
        self._records = records
        self._folder = folder
        self._clock = clock
        self._settings = settings
        self._questions = questions
        self.newcomers = NewcomerShelf(records=records, reads_texts=CONTENT in questions)
        self.guard = guard
        self._lock = threading.Lock()
        self._loaded: tuple[str, NodeModel] | None = None
        self._planned: Plan | None = None
        self.training = False

    def run(self, stop: Stop) -> None:
        """Train whenever a release waits for it: the daemon's job."""
        while not stop.wait(LOOK_EVERY_S):
            self.turn()
            deployed = self.in_use()
            if deployed is not None:
                self.newcomers.refresh(*deployed)

    def turn(self) -> bool:
        """Train if a release waits and completes a pair; True if something was deployed."""
        with reading(self._db) as connection:
            waiting = Releases(connection).untrained()
            known = [found.release for found in Releases(connection).all()]
            deployed = Releases(connection).in_use() is not None
        plan = self.plan()
        local_first = self._settings.local_first and not deployed and self._records.n_customers() > 0
        if not (waiting and plan is not None) and not local_first:
            return False
        if deployed and plan is not None and plan == self._planned:  # a release that changes nothing yet
            with transaction(self._db) as connection:
                for each in known:
                    Releases(connection).trained(each, at=self._clock.now())
            return False
        self.train(plan)
        self._planned = plan
        return True

    def plan(self) -> Plan | None:
        """The newest pair of taste sums and the evaluation between them, or None without a pair.

        A newest sum that counts like no other stands in nobody's way: the pair before it stays.

        Only sums over the vocabulary in use count, and only two that count alike pair up
        (:mod:`participant.counting`): others cannot be compared.
        """
        with reading(self._db) as connection:
            words = Membership(connection).vocabulary_digest()
            everything = Releases(connection).all()
        whole = self._releases.whole(everything)
        kept = tuple(found for found in whole if open_stored(found.manifest).answer.vocabulary == words)
        tastes = [(found, block_of(found, "taste")) for found in kept if "taste" in found.questions]
        for place, (newest, block) in enumerate(tastes):
            asked = question_named("taste").open(block.parameters)
            for earlier, other in tastes[place + 1 :]:
                before = question_named("taste").open(other.parameters)
                if before.until < asked.until and way_of(other) == way_of(block):
                    return self._paired(kept, earlier, newest, before, asked)
        return None

    def _paired(
        self,
        kept: tuple[StoredRelease, ...],
        earlier: StoredRelease,
        newest: StoredRelease,
        before: taste.Parameters,
        asked: taste.Parameters,
    ) -> Plan:
        chosen = Evaluated(self._releases, kept).choices(earlier.release, newest.release)
        return Plan(
            windows=Windows(
                fit_until=before.until,
                validation_until=asked.until,
                customers_until=min(before.customers_until, asked.customers_until),
            ),
            fitted=earlier.release,
            refitted=newest.release,
            lambdas={name: each.lam for name, each in chosen.items()}
            or dict.fromkeys(SCENARIOS, default_lambda(asked.row_scheme, asked.items_cap)),
            row_scheme=asked.row_scheme,
            items_cap=asked.items_cap,
            mixes={name: each.mixture for name, each in chosen.items()},
            encoders={name: each.encoders for name, each in chosen.items() if each.encoders},
            contents=paired(kept, before.until, asked.until) if CONTENT in self._questions else (),
        )

    def train(self, plan: Plan | None) -> NodeModel:
        """Train, save and deploy; with no plan on this company's own data alone.

        If a customer is erased meanwhile, what was trained is thrown away and it begins again.

        Raises:
            NoData: nothing was read in yet.
        """
        self.training = True
        try:
            while True:
                with reading(self._db) as connection:
                    mark = Erasures.mark(connection)
                    waiting = [found.release for found in Releases(connection).all()]
                model = self._learn(plan)
                if self._deploy(model, plan, waiting, mark):
                    return model
        finally:
            self.training = False

    def train_anew(self) -> None:
        """After an erasure: replace the model in use by one without that customer, and delete all older ones.

        A kept release that is damaged is set aside, and the model is made without it: no erasure waits for a file.
        """
        with reading(self._db) as connection:
            deployed = Releases(connection).in_use()
        if deployed is not None:
            try:
                self._train_with_what_is_whole()
            except NoData:  # nobody is left to learn from
                with transaction(self._db) as connection:
                    Releases(connection).take_out_of_service()
        with reading(self._db) as connection:
            deployed = Releases(connection).in_use()
        kept = "" if deployed is None else deployed.folder
        for folder in self._folder.iterdir():
            if folder.name != kept:
                shutil.rmtree(folder)
        durable.sync_folder(self._folder)

    def _train_with_what_is_whole(self) -> None:
        try:
            self.train(self.plan())
        except (OSError, PeerFault):
            if not self._releases.set_aside():
                raise
            self.train(self.plan())

    def _learn(self, plan: Plan | None) -> NodeModel:
        with reading(self._db) as connection:
            vocabulary = Membership(connection).vocabulary()
            kept = self._releases.whole(Releases(connection).all())
        if vocabulary is None or self._records.n_customers() == 0:
            raise NoData(
                expected="purchases and a vocabulary",
                came="neither or one",
                do="run `altrove-node connect` first",
            )
        exchange = None if plan is None else self._released(plan)
        windows = plan.windows if plan is not None else self._own_windows()
        contents = contents_for(self._releases, plan.contents) if plan is not None else None
        model = train(
            self._records,
            vocabulary,
            windows=windows,
            exchange=exchange,
            contents=contents,
            rhythms=rhythms_for(windows, kept, self._releases, vocabulary.digest),
            denied=self.guard.denied(vocabulary),
        )
        if model.appetites is None:
            return model
        return replace(model, appetites=model.appetites.without(SaidAppetites(self._db).removed()))

    def in_use(self) -> tuple[str, NodeModel] | None:
        """Version and model in use, or None before the first training."""
        with reading(self._db) as connection:
            deployed = Releases(connection).in_use()
        if deployed is None:
            return None
        with self._lock:
            if self._loaded is None or self._loaded[0] != deployed.model_version:
                self._loaded = (deployed.model_version, load(self._folder / deployed.folder))
            return self._loaded

    def _deploy(self, model: NodeModel, plan: Plan | None, trained: list[bytes], mark: Mark) -> bool:
        """False: a customer was erased while this was trained, and nothing of it stays."""
        at = self._clock.now()
        release = plan.refitted if plan is not None else b""
        version = f"{at}-{release.hex()[:12] or 'local'}"
        while (self._folder / version).exists():  # trained twice in one second
            version += "-again"
        save(model, self._folder / version)
        verdicts = {
            name: _figures(part) | {"held_back": held_back(model)} for name, part in model.scenarios.items()
        }
        with transaction(self._db) as connection:
            kept = Releases(connection)
            stale = Erasures.mark(connection) != mark
            if not stale:
                kept.deploy(
                    Deployment(
                        release=release,
                        folder=version,
                        model_version=version,
                        report=json.dumps(verdicts),
                        deployed_at=at,
                    )
                )
            for each in trained if plan is not None and not stale else ():
                kept.trained(each, at=at)
        if stale:
            shutil.rmtree(self._folder / version)
            return False
        with self._lock:
            self._loaded = (version, model)
        for sentence in held_back(model):
            _log.error("refit held back", model_version=version, why=sentence)
        _log.info("model deployed", model_version=version, exchange=plan is not None)
        return True

    def _released(self, plan: Plan) -> Released:
        """The pair of sums; of noisy ones this company's own parts are taken out, if both are still here."""
        pair = (plan.fitted, plan.refitted)
        sums = [self._releases.taste(each) for each in pair]
        of_others = False
        if any(found.sigma for found in sums):
            try:
                sums, of_others = [self._releases.others(each) for each in pair], True
            except (AnswerMissing, AnswerVoided) as error:
                _log.warning("own part unknown, the noisy sum is read as a whole", code=error.code)
        fitted, refitted = sums
        return Released(
            fitted=fitted.taste.gram,
            refitted=refitted.taste.gram,
            lambdas=plan.lambdas,
            sigmas=(fitted.sigma, refitted.sigma),
            of_others=of_others,
            release=plan.refitted.hex(),
            row_scheme=plan.row_scheme,
            items_cap=plan.items_cap,
            mixes=plan.mixes,
            encoders=self._networks(plan, len(fitted.taste.gram)),
        )

    def _networks(self, plan: Plan, n_concepts: int) -> dict[str, tuple[Network, Network]]:
        """The networks of both windows, each made once where scenarios share it."""
        made: dict[bytes, Network] = {}
        for release in {each for pair in plan.encoders.values() for each in pair}:
            made[release] = self._releases.encoders.network(release, n_concepts)
        return {name: (made[early], made[late]) for name, (early, late) in plan.encoders.items()}

    def _own_windows(self) -> Windows:
        if self._settings.fit_until and self._settings.validation_until:
            fit, validation = self._settings.fit_until, self._settings.validation_until
        else:
            first, last = self._records.span()
            validation = last + 1
            fit = validation - max(1, (last - first) // VALIDATION_PART)
        return Windows(fit_until=fit, validation_until=validation, customers_until=fit)


def default_lambda(row_scheme: str, items_cap: int) -> int:
    """The ridge for sums that nobody evaluated: it goes with the size of a row's entries.

    >>> default_lambda("binary", 0), default_lambda("unit", 0), default_lambda("capped", 20)  # 1000 / 20
    (1000, 60, 50)
    """
    if row_scheme == "unit":
        return UNIT_LAMBDA
    return max(1, DEFAULT_LAMBDA // items_cap) if row_scheme == "capped" else DEFAULT_LAMBDA


def held_back(model: NodeModel) -> list[str]:
    """Which refits are not served, and why, in words."""
    texts = None if model.newcomers is None else model.newcomers.rules.text_risen
    found = (("tastes", model.risen), ("texts of items", texts))
    return [f"The refit of {what} is {each.sentence}" for what, each in found if each is not None]


def _figures(part: ScenarioModel) -> dict[str, object]:
    """The gate's figures of one scenario, as JSON."""
    return asdict(part.verdict) | {
        "deployed": part.deployed,
        "sentence": part.verdict.sentence,
        "customers": part.verdict.local.customers,
        "boldness": asdict(part.boldness) | {"sentence": part.boldness.sentence},
    }
