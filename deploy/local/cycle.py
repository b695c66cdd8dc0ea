"""The demo's questions in order, and what is shown while they are answered."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import duckdb
import httpx

from deploy.local.admin import RoundSeen
from deploy.local.companies import Company
from deploy.local.consortium import Consortium
from deploy.local.faults import CommandFailed, TookTooLong
from deploy.local.headline import CompanyHeadline, Interval, Reason, Surprise
from deploy.local.ports import LOOPBACK
from deploy.local.progress import Progress, RoundView
from deploy.local.results import RoundFigures
from deploy.local.windows import FIT_UNTIL, TEST_UNTIL, VALIDATE_UNTIL
from protocols.questions import NO_DIFFERENTIAL_PRIVACY

PHASES: Final = {
    "advertise-keys": "keys",
    "share-keys": "shares",
    "masked-input": "masked answer",
    "consistency-check": "check",
    "unmasking": "unmask",
}
LAMBDAS: Final = "100,300,1000,3000,10000"
MIXES: Final = "0:100:0,0:100:0:5,0:100:0:10"
TRAIN_WITHIN_S: Final = 300.0
READY_WITHIN_S: Final = 120.0


class Cycle:
    """Asks, watches and measures; remembers the figures of every round."""

    def __init__(self, consortium: Consortium, progress: Progress) -> None:
        self.consortium = consortium
        self.progress = progress
        self.figures: list[RoundFigures] = []
        self._tokens: dict[str, str] = {}

    def ask(self, title: str, question: str, parameters: Mapping[str, str], *options: str) -> RoundSeen:
        """Put a question and show the round until it is over.

        Raises:
            CommandFailed: the round failed; the message names the cause and the next step.
        """
        number = self.consortium.ask(question, parameters, *options)
        return self.follow(f"{title}, {privacy(parameters)}", number)

    def follow(self, title: str, number: int) -> RoundSeen:
        """Show an open round until it is over."""
        with self.shown_round(f"Round {number}: {title}") as view:
            found = self.consortium.admin.watch(
                number, seen=lambda seen: self._show(view, seen), check=self.consortium.processes.check
            )
        if found.state != "released":
            last = found.newest
            raise CommandFailed(
                expected=f"round {number} to end in a release",
                came=f"{last.cause} {last.reason} (missing: {', '.join(last.missing) or 'nobody'})",
                do=last.next_step or "read the logs",
            )
        self.figures.append(figures(found))
        return found

    @contextmanager
    def shown_round(self, title: str) -> Iterator[RoundView]:
        """Show a round in the live table while the block runs."""
        view = RoundView(title=title, phases=tuple(PHASES.values()))
        self.progress.round = view
        yield view

    def _show(self, view: RoundView, seen: RoundSeen) -> None:
        newest = seen.newest
        for phase in newest.phases:
            name = PHASES[phase.phase]
            before = view.done.get(name, set())
            now = set(phase.arrived)
            if len(now) > len(before) and len(now) == len(phase.expected):
                self.progress.round_changed(
                    f"{name}: {len(now)} of {len(phase.expected)} in {phase.seconds:.1f} s"
                )
            view.done[name] = now
        view.phase = PHASES.get(newest.phase, "")

    def wait_for_couriers(self) -> None:
        """Until every courier is registered with the fleet."""
        until = time.monotonic() + READY_WITHIN_S
        while not all(member.flower_node for member in self.consortium.admin.members()):
            self.consortium.processes.check()
            if time.monotonic() > until:
                raise TookTooLong(expected="every courier registered", came="not yet", do="read the logs")
            time.sleep(0.5)

    def release_a(self) -> RoundSeen:
        """Taste until the end of the fit window."""
        window = {"until": str(FIT_UNTIL), "customers_until": str(FIT_UNTIL)}
        return self.ask("taste until week 33", "taste", window)

    def choose_lambda(self, release: str) -> RoundSeen:
        """Which ridge ranks best on everybody's validation weeks: counts and sums only."""
        return self.ask(
            "evaluation: which setting ranks best",
            "evaluation",
            {
                "release": release,
                "lambdas": LAMBDAS,
                "mixes": MIXES,
                "history_until": str(FIT_UNTIL),
                "target_until": str(VALIDATE_UNTIL),
                "customers_until": str(FIT_UNTIL),
            },
        )

    def release_b(self) -> RoundSeen:
        """Taste until the end of the validation window."""
        window = {"until": str(VALIDATE_UNTIL), "customers_until": str(FIT_UNTIL)}
        return self.ask("taste until week 40", "taste", window)

    def recommend(self, company: Company, customer: str, count: int) -> dict[str, Any]:
        """What the company's own API answers."""
        token = self._tokens.get(company.slug)
        if token is None:
            token = self._tokens[company.slug] = self.consortium.token(company)
        answer = httpx.post(
            f"http://{LOOPBACK}:{self.consortium.plan.ports[company.slug]}/v1/recommendations",
            headers={"Authorization": f"Bearer {token}"},
            json={"user_id": customer, "scenario": "surprise", "n": count},
            timeout=60,
        )
        if answer.status_code != httpx.codes.OK:
            raise CommandFailed(
                expected=f"recommendations from {company.name}",
                came=f"{answer.status_code} {answer.text[:300]}",
                do="read the logs",
            )
        said: dict[str, Any] = answer.json()
        return said

    def wait_for_models(self, release: str) -> None:
        """Until every node serves from a model that knows ``release``."""
        self.consortium.for_each(lambda company: self._wait_for_model(company, release))

    def _wait_for_model(self, company: Company, release: str) -> None:
        until = time.monotonic() + TRAIN_WITHIN_S
        customer = customers_of(self.consortium, company, 1)[0]
        while not (said := str(self.recommend(company, customer, 1)["model_version"])).endswith(release[:12]):
            self.consortium.processes.check()
            if time.monotonic() > until:
                raise TookTooLong(expected=f"a model of {company.name}", came=said, do="read its log")
            time.sleep(1.0)
        self.progress.round_changed(f"{company.name} serves model {said}")

    def headline(self) -> list[CompanyHeadline]:
        """Every company's figures on its test weeks."""
        return self.consortium.for_each(self._headline)

    def _headline(self, company: Company) -> CompanyHeadline:
        home = self.consortium.node_home(company)
        said = json.loads(self.consortium.commands.measure(home, TEST_UNTIL))
        found = next(each for each in said["scenarios"] if each["scenario"] == "surprise")
        return CompanyHeadline(
            company=company,
            customers=int(found["hits_local"]["customers"]),
            local=_of_100(found["hits_local"]),
            exchange=_of_100(found["hits_exchange"]),
            gained=_of_100(found["hits_gained"]),
            ndcg={
                each["scenario"]: {
                    arm: _share(each[f"ndcg_{arm}"]) for arm in ("local", "exchange", "gained")
                }
                for each in said["scenarios"]
            },
            deployed=bool(found["deployed"]),
            reason=str(found["reason"]),
        )

    def surprises(self, count: int = 3) -> list[Surprise]:
        """One surprise each for one customer of the first companies, as their APIs serve them."""
        found = []
        for company in self.consortium.members[:count]:
            customer = customers_of(self.consortium, company, 1)[0]
            item = self.recommend(company, customer, 1)["items"][0]
            found.append(
                Surprise(
                    company=company,
                    customer=customer,
                    name=item["name"],
                    concept=item["concept"],
                    reasons=tuple(Reason(text=r["text"], support=r["support_band"]) for r in item["reasons"]),
                )
            )
        return found


def figures(seen: RoundSeen) -> RoundFigures:
    """What is written down of a round."""
    newest = seen.newest
    seconds = {phase.phase: phase.seconds for phase in newest.phases}
    return RoundFigures(
        round=seen.round,
        attempts=len(seen.attempts),
        question=seen.question,
        survivors=len(newest.survivors),
        elements=seen.elements,
        vector_bytes=seen.vector_bytes,
        wall_s=round(sum(seconds.values()), 3),
        seconds_by_phase=seconds,
        bytes_up_each=newest.bytes_up,
        routes=newest.routes,
    )


def customers_of(consortium: Consortium, company: Company, count: int) -> list[str]:
    """Customers with a middling number of purchases before the test weeks, by their own shop's ids."""
    # A connection of its own: several companies are looked at from several threads.
    with duckdb.connect() as database:
        rows = database.execute(
            f"""SELECT household_id FROM read_parquet('{consortium.data.sales(company)}')
                WHERE epoch(transaction_timestamp) < {FIT_UNTIL}
                GROUP BY household_id ORDER BY abs(count(*) - 150), household_id LIMIT {count}"""
        ).fetchall()
    return [str(row[0]) for row in rows]


def _share(interval: dict[str, Any]) -> Interval:
    return Interval(value=interval["mean"], low=interval["low"], high=interval["high"])


def _of_100(interval: dict[str, Any]) -> Interval:
    return Interval(value=100 * interval["mean"], low=100 * interval["low"], high=100 * interval["high"])


def privacy(parameters: Mapping[str, str]) -> str:
    """What a question's parameters say of one customer's privacy, in words."""
    return "with noise" if "noise" in parameters else NO_DIFFERENTIAL_PRIVACY
