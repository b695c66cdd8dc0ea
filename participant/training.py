"""From releases to a deployed model: when to train, what on, what is in use.

Two ``taste`` or two ``landmarks`` sums are needed (:mod:`participant.plan`): one until the end of the fit window, to
choose and to gate on this company's own validation weeks, and a later one to refit on. Without two sums the node can
train on its own data alone. Training runs in a job of its own; the model in use keeps serving until the new one is saved.
"""

import fcntl
import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import Engine

from participant.contents import CONTENT, contents_for
from participant.errors import NoData, RecordsChanged
from participant.failed_training import FailedTraining
from participant.guard import Guard
from participant.models import NodeModel, ScenarioModel, Windows, load, ready, save
from participant.newcomer_shelf import NewcomerShelf
from participant.plan import Plan, newest_plan, passed_over
from participant.release_desk import ReleaseDesk
from participant.release_shelf import open_stored
from participant.rhythms import rhythms_for
from participant.settings import TrainingSettings
from participant.store.appetites import SaidAppetites
from participant.store.erasures import Erasures, Mark
from participant.store.membership import Membership
from participant.store.records import Records
from participant.store.releases import Deployment, Releases
from participant.surprise import train
from participant.tastes import exchange_for
from protocols.errors import AltroveError
from protocols.service import durable
from protocols.service.clock import Clock
from protocols.service.jobs import Stop
from protocols.service.unit_of_work import reading, transaction

LOOK_EVERY_S: Final = 2.0
VALIDATION_PART: Final = 8
"""Without windows in settings or releases, the last eighth of the data validates."""

_UNUSABLE: Final = (OSError, AltroveError, ArithmeticError, ValueError)
"""What releases may raise; numpy's LinAlgError is a ValueError."""

_log = structlog.get_logger(__name__)


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
        self.failed = FailedTraining(folder, clock)
        self._passed_over: set[bytes] = set()
        self.training = False

    def run(self, stop: Stop) -> None:
        """Train whenever a release waits for it: the daemon's job."""
        while not stop.wait(LOOK_EVERY_S):
            self.turn()
            deployed = self.in_use()
            if deployed is not None:
                self.newcomers.refresh(*deployed)

    def turn(self) -> bool:
        """Train if a release waits and completes a pair; True if something was deployed.

        What failed is not tried again for an hour: :mod:`participant.failed_training`.
        """
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
        with reading(self._db) as connection:
            tried = plan, Membership(connection).vocabulary_digest(), self._records.catalogue.stamp()
        if self.failed.forbids(tried):
            return False
        try:
            self.train(plan)
        except (NoData, RecordsChanged):  # it is waited for; it is over soon
            raise
        except Exception as error:  # noqa: BLE001 - whatever a forged sum provokes, it would in a minute again
            try:  # where nothing serves yet, own data do until a pair can be trained on
                if alone := local_first and plan is not None:
                    self.train(None)
            finally:
                self.failed.note(tried, error)
            return alone
        self._planned = plan
        return True

    def plan(self) -> Plan | None:
        """What the releases over the vocabulary in use give to train on: see :mod:`participant.plan`."""
        with reading(self._db) as connection:
            words = Membership(connection).vocabulary_digest()
            everything = Releases(connection).all()
        whole = self._releases.whole(everything)
        kept = tuple(found for found in whole if open_stored(found.manifest).answer.vocabulary == words)
        for each in passed_over(kept):
            if each.release not in self._passed_over:
                self._passed_over.add(each.release)
                _log.warning(
                    "a sum of `landmarks` with noise is not trained on: no reading takes that noise into account",
                    release=each.release.hex()[:16],
                )
        return newest_plan(kept, self._releases, reads_texts=CONTENT in self._questions)

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
                with _alone_in(self._folder):
                    deployed = self._deploy(model, plan, waiting, mark)
                if deployed:
                    return model
        finally:
            self.training = False

    def train_anew(self) -> None:
        """After an erasure: replace the model in use by one without that customer, and delete all older ones.

        A kept release that is damaged is set aside, and the model is made without it; where no model can be made of
        what others answered, it is made of own data alone: no erasure waits for a file or for anybody.
        """
        with reading(self._db) as connection:
            deployed = Releases(connection).in_use()
        if deployed is not None:
            try:
                self._train_with_what_is_whole()
            except NoData:  # nobody is left to learn from
                with transaction(self._db) as connection:
                    Releases(connection).take_out_of_service()
                with self._lock:
                    self._loaded = None
        self._delete_older()

    def _delete_older(self) -> None:
        """All models but the one in use; one that the daemon has saved and not deployed yet is waited for."""
        with _alone_in(self._folder):
            with reading(self._db) as connection:
                deployed = Releases(connection).in_use()
            kept = "" if deployed is None else deployed.folder
            for folder in self._folder.iterdir():
                # beside them lies the file that says why a training failed, which may be half-written just now
                if folder.is_dir() and folder.name != kept:
                    shutil.rmtree(folder)
            durable.sync_folder(self._folder)

    def _train_with_what_is_whole(self) -> None:
        """On what is kept, without what is damaged of it; on own data alone where even that cannot be trained on.

        A sum may be whole, signed and beyond every model: one forged answer makes its matrix singular.
        """
        try:
            self.train(self.plan())
        except (NoData, RecordsChanged):
            raise
        except _UNUSABLE as error:
            plan = self.plan() if self._releases.set_aside() else None
            _log.error("trained without some releases", exchange=plan is not None, why=type(error).__name__)
            try:
                self.train(plan)
            except (NoData, RecordsChanged):
                raise
            except _UNUSABLE:
                if plan is None:
                    raise
                self.train(None)

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
        exchange = exchange_for(self._releases, plan) if plan is not None else None
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
            square_max=self._settings.square_max,
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
        self.failed.clear()
        with self._lock:
            self._loaded = (version, ready(model))
        for sentence in held_back(model):
            _log.error("refit held back", model_version=version, why=sentence)
        _log.info("model deployed", model_version=version, exchange=plan is not None)
        return True

    def _own_windows(self) -> Windows:
        if self._settings.fit_until and self._settings.validation_until:
            fit, validation = self._settings.fit_until, self._settings.validation_until
        else:
            first, last = self._records.span()
            validation = last + 1
            fit = validation - max(1, (last - first) // VALIDATION_PART)
        return Windows(fit_until=fit, validation_until=validation, customers_until=fit)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Nobody else deploys or deletes models in ``folder`` meanwhile: the daemon trains while `erase` runs beside it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


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
