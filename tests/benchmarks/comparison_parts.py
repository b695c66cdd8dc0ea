"""The comparison in parts that need nothing of one another: each is measured in a process of its own and kept.

    python -m tests.benchmarks.comparison_parts --pack                      read the data sets once, into small files
    python -m tests.benchmarks.comparison_parts --workers 16 --minutes 9    what is missing, as far as time allows
    python -m tests.benchmarks.comparison_parts --list                      parts, and which of them are kept
    python -m tests.benchmarks.comparison_parts --match local_autoencoder   these of them, a part a company
    python -m tests.benchmarks.comparison_parts --only journey-k5/local_EASE

A part is kept under ``.altrove/bench/comparison/`` by what its code and data say of themselves, so that a run goes on
where another ended, here or on another machine; ``python -m tests.benchmarks.comparison`` joins what there is.
With a GPU the autoencoders use it, and everything else one processor a part.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import apart, blended, trial
from tests.benchmarks.autoencoder import Autoencoder
from tests.benchmarks.cases import CASES, CHECK, Case
from tests.benchmarks.ials import Ials
from tests.benchmarks.learners import Ease, Knn, Learner, Popularity
from tests.benchmarks.provenance import ROOT
from tests.benchmarks.purchases import Shop
from tests.benchmarks.trial import Outcome

KEPT = ROOT / ".altrove" / "bench" / "comparison"
HERE = Path(__file__).parent
FEDERATED, APART = "federated EASE", "federated EASE, household-disjoint"
GPU_PARTS = 8
"""Autoencoders trained at a time: more only wait for one another."""
COMMON = ("purchases", "trial", "learners", "cases")
PRODUCT = ("participant/models", "participant/answers", "participant/tallies", "protocols/questions")
"""What changes with it is measured again where the product itself is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One piece of work: ``arms`` are what it makes, by the name that the learner gives them.

    ``company``: the place of the only one that it is about, None for all. ``weight`` are rough seconds, by which the longest
    come first; ``late``: what can be done without.
    """

    case: Case
    name: str
    arms: dict[str, str]
    sources: tuple[str, ...]
    make: Callable[[Sequence[Shop]], dict[str, Outcome]]
    weight: float = 10.0
    company: int | None = None
    gpu: bool = False
    late: bool = False

    @property
    def id(self) -> str:
        """How it is called on a command line."""
        return f"{self.case.name}/{self.name}".replace(" ", "_")

    def path(self, arm: str) -> Path:
        """Where an arm is kept: another place as soon as anything that it is made of has changed."""
        files = [HERE / f"{name}.py" for name in (*COMMON, *self.sources)]
        settings = self.case.settings
        if "blended" in self.sources:
            settings = (*settings, self.case.rounds)
            files += sorted(path for folder in PRODUCT for path in (ROOT / folder).glob("*.py"))
        found = hashlib.sha256(repr([settings, *(each.read_bytes() for each in files)]).encode())
        one = self.company is not None or self.name.startswith("exchange")
        draw = f"-{self.name.split()[-1]}" if one else ""
        name = f"{arm.replace(' ', '_').replace(',', '')}{draw}-{found.hexdigest()[:12]}.npz"
        return KEPT / self.case.name / name

    @property
    def kept(self) -> bool:
        """Whether all its arms are there."""
        return all(self.path(arm).exists() for arm in self.arms.values())

    def measure(self) -> None:
        """Measure and keep."""
        for arm, outcome in self.make(self.case.shops()).items():
            trial.save(self.path(self.arms[arm]), outcome)


def parts(case: Case) -> list[Part]:
    """Everything that is measured of ``case``."""
    learners: tuple[tuple[Learner, str, float], ...] = (
        (Popularity(), "learners", 5),
        (Ease(case.ridges), "learners", 4 * case.companies),
        (Knn(), "learners", 4 * case.companies),
        (Ials(), "ials", 80 * case.scale),
    )
    found = [
        _learner(case, learner, source, weight, shared=shared)
        for learner, source, weight in learners
        for shared in (False, True)
        if not (shared and isinstance(learner, Popularity))
    ]
    network = Autoencoder(steps=case.steps)
    found.append(_learner(case, network, "autoencoder", 20 * case.companies, shared=True))
    found += [_own_network(case, company) for company in range(case.companies)]
    found.append(
        Part(
            case=case,
            name="local node",
            arms={blended.OWN: blended.OWN},
            sources=("blended", "shop_records"),
            make=lambda shops: {blended.OWN: blended.own(shops)},
            weight=60 * case.scale,
        )
    )
    found += [_draw(case, seed) for seed in trial.SEEDS]
    if case.disjoint:
        found.append(
            Part(
                case=case,
                name="apart",
                arms={APART: APART},
                sources=("apart", "disjoint"),
                make=lambda shops: {
                    APART: apart.apart(shops, trial.run(Ease(case.ridges), shops, shared=True)["EASE"])
                },
                weight=30,
            )
        )
    return found


def _learner(case: Case, learner: Learner, source: str, weight: float, *, shared: bool) -> Part:
    return Part(
        case=case,
        name=f"{'pooled' if shared else 'local'} {learner.name}",
        arms=_names(learner, shared=shared),
        sources=(source,),
        make=lambda shops: trial.run(learner, shops, shared=shared),
        weight=weight,
        gpu=isinstance(learner, Autoencoder),
    )


def _own_network(case: Case, company: int) -> Part:
    """A company's own autoencoder: minutes of a processor, and nothing to do with the next one's."""
    learner = Autoencoder(steps=case.steps)
    learner.random = not case.once
    return Part(
        case=case,
        name=f"local autoencoder {company}",
        arms=_names(learner, shared=False),
        sources=("autoencoder",),
        make=lambda shops: trial.run(learner, [shops[company]], shared=False),
        weight=600,
        company=company,
        gpu=True,
    )


def _draw(case: Case, seed: int) -> Part:
    return Part(
        case=case,
        name=f"exchange {seed}",
        arms={arm: arm for arm in blended.ARMS},
        sources=("blended", "shop_records", "encoder_side"),
        make=lambda shops: blended.exchanged(shops, ridges=case.ridges, rounds=case.rounds, seed=seed),
        weight=250,
        late=seed > 0,
    )


def _names(learner: Learner, *, shared: bool) -> dict[str, str]:
    """What a learner's arms are called; the sum that companies release makes the pooled EASE everybody's."""
    arms = (learner.name, *filter(None, [getattr(learner, "with_ease", None)]))
    if isinstance(learner, Ease) and shared:
        return {learner.name: FEDERATED}
    return {arm: f"{'pooled' if shared else 'local'} {arm}" for arm in arms}


def measured(case: Case) -> dict[str, Outcome]:
    """Every arm that is kept: of several draws their mean, as many as there are; of a model a company only if all are."""
    draws: dict[str, list[Outcome]] = {}
    apiece: dict[str, list[Outcome]] = {}
    for part in parts(case):
        if part.kept:
            for arm in part.arms.values():
                kind = draws if part.company is None else apiece
                kind.setdefault(arm, []).append(trial.load(part.path(arm)))
    found = {arm: trial.across(each) if len(each) > 1 else each[0] for arm, each in draws.items()}
    whole = {arm: each for arm, each in apiece.items() if len(each) == case.companies}
    return found | {arm: trial.together(each) for arm, each in whole.items()}


def run(wanted: Sequence[Part], *, workers: int, minutes: float) -> int:
    """Measure in processes of their own until the time is up; how many were not done."""
    until = time.monotonic() + 60 * minutes
    waiting = sorted((part for part in wanted if not part.kept), key=lambda part: (part.late, -part.weight))
    running: dict[str, tuple[Part, subprocess.Popen[bytes], float]] = {}
    failed: list[str] = []
    began = time.monotonic()
    quiet = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    while (waiting or running) and time.monotonic() < until:
        training = sum(part.gpu for part, _, _ in running.values())
        ready = [part for part in waiting if not part.gpu or training < GPU_PARTS]
        if ready and len(running) < workers:
            part = ready[0]
            waiting.remove(part)
            command = (sys.executable, "-m", "tests.benchmarks.comparison_parts", "--only", part.id)
            process = subprocess.Popen(command, cwd=ROOT, env=quiet)
            running[part.id] = (part, process, time.monotonic())
            continue
        for name, (_, process, started) in list(running.items()):
            if process.poll() is not None:
                del running[name]
                failed += [name] * (process.returncode != 0)
                took = time.monotonic() - started
                print(
                    f"[{time.monotonic() - began:5.0f} s] {name}: {took:.0f} s, exit {process.returncode}",
                    flush=True,
                )
        time.sleep(0.2)
    for _, process, _ in running.values():
        process.kill()
        process.wait()
    left = [*failed, *running, *(part.id for part in waiting)]
    print(f"not done: {', '.join(left) or 'none'}", flush=True)
    return len(left)


def main() -> int:
    """Do what is asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--pack", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--only", metavar="PART", help="this part, in this process")
    parser.add_argument(
        "--match", nargs="+", metavar="WORD", help="parts with one of these words in their names"
    )
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=24 * 60)
    asked = parser.parse_args()
    known = CASES | {CHECK.name: CHECK}
    if asked.only:
        case = known[asked.only.split("/")[0]]
        next(part for part in parts(case) if part.id == asked.only).measure()
        return 0
    if asked.pack:
        for case in CASES.values():
            print(case.packed())
        return 0
    wanted = [part for name in asked.cases or CASES for part in parts(known[name])]
    if asked.match:
        wanted = [part for part in wanted if any(word in part.id for word in asked.match)]
    if asked.list:
        for part in wanted:
            print(f"{'kept' if part.kept else '':5}{part.id}")
        return 0
    return min(1, run(wanted, workers=asked.workers, minutes=asked.minutes))


if __name__ == "__main__":
    raise SystemExit(main())
