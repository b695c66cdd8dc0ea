"""The admin API: JSON on a loopback listener, every route behind a bearer token of scope ``admin``."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.concurrency import run_in_threadpool

from coordinator.api import shapes
from coordinator.api.numbers import Number
from coordinator.api.replies import member_reply, names_of, release_reply, round_reply, version_reply
from coordinator.audit.verification import verify
from coordinator.home import ADMIN
from coordinator.rounds.overview import RoundView, is_over, overview, overviews
from coordinator.rounds.planning import Asked
from coordinator.services import Services
from coordinator.store.members import Members
from coordinator.store.rosters import Rosters
from coordinator.store.tokens import StoredTokens
from protocols.errors import BadInput
from protocols.questions.landmarks import LANDMARKS_MAX
from protocols.service.tokens import require
from protocols.service.unit_of_work import reading
from protocols.service.waiting import LONGEST_POLL_S


def admin_router(services: Services) -> APIRouter:
    """Every route of the admin API."""
    bearer = require(ADMIN, StoredTokens(services.db), services.clock)
    router = APIRouter(prefix="/admin/v1", tags=["admin"], dependencies=[Depends(bearer)])
    _add_members(router, services)
    _add_rounds(router, services)
    _add_releases(router, services)
    return router


def _add_members(router: APIRouter, services: Services) -> None:
    @router.post("/invites", status_code=201)
    def invite(asked: shapes.InviteRequest) -> shapes.InviteReply:
        made = services.enrolment.invite(asked.name, asked.days)
        return shapes.InviteReply(name=made.name, invitation=made.text())

    @router.get("/members")
    def members() -> list[shapes.MemberReply]:
        with reading(services.db) as connection:
            latest = Rosters(connection).latest()
            everybody = Members(connection).all()
        roster = None if latest is None else latest.claimed
        return [member_reply(member, roster, services.registry) for member in everybody]

    @router.get("/roster")
    def roster() -> shapes.RosterReply:
        with reading(services.db) as connection:
            rosters, names = Rosters(connection), names_of(Members(connection).all())
            return shapes.RosterReply(
                in_force=version_reply(rosters.latest(), names),
                proposal=version_reply(rosters.proposal(), names),
            )

    @router.post("/roster/found", status_code=201)
    def found() -> shapes.RosterReply:
        services.governance.found()
        return roster()

    @router.post("/roster/admit", status_code=201)
    def admit(subject: shapes.Subject) -> shapes.RosterReply:
        services.governance.admit(services.registry.named((subject.member,))[0].partner)
        return roster()

    @router.post("/roster/remove", status_code=201)
    def remove(subject: shapes.Subject) -> shapes.RosterReply:
        services.governance.remove(services.registry.named((subject.member,))[0].partner)
        return roster()

    @router.post("/roster/withdraw")
    def withdraw() -> shapes.RosterReply:
        services.governance.withdraw()
        return roster()

    @router.post("/vocabularies", status_code=201)
    def publish(asked: shapes.VocabularyRequest) -> shapes.VocabularyReply:
        made = services.library.publish_vocabulary(asked.name, asked.concepts)
        return shapes.VocabularyReply(
            digest=made.digest.hex(), version=made.version, name=made.name, concepts=len(made)
        )


def _add_rounds(router: APIRouter, services: Services) -> None:
    def look(number: int) -> RoundView:
        with reading(services.db) as connection:
            return overview(connection, number)

    def reply(view: RoundView) -> shapes.RoundReply:
        with reading(services.db) as connection:
            names = names_of(Members(connection).all())
        return round_reply(view, names, services.clock.now_ms())

    @router.post("/rounds", status_code=201)
    def ask(asked: shapes.AskRequest) -> shapes.Asked:
        settings = services.settings
        seconds = tuple(settings.phase_seconds if asked.phase_seconds is None else asked.phase_seconds)
        return shapes.Asked(
            round=services.planner.ask(
                Asked(
                    question=asked.question,
                    parameters=asked.parameters,
                    cohort=tuple(asked.cohort),
                    minimum_cohort=asked.minimum_cohort,
                    phase_seconds=seconds,
                    suite=settings.suite if asked.suite is None else asked.suite,
                    ring_bits=asked.ring_bits,
                    epoch=asked.epoch,
                    vocabulary=_hex(asked.vocabulary),
                    retries=settings.retries if asked.retries is None else asked.retries,
                )
            )
        )

    @router.get("/rounds")
    def rounds(limit: Annotated[int, Query(ge=1, le=200)] = 20) -> list[shapes.RoundReply]:
        with reading(services.db) as connection:
            views, names = overviews(connection, limit), names_of(Members(connection).all())
        return [round_reply(view, names, services.clock.now_ms()) for view in views]

    @router.get("/rounds/{number}")
    async def one(
        number: Number, after: int = 0, wait_s: Annotated[int, Query(ge=0, le=LONGEST_POLL_S)] = 0
    ) -> shapes.RoundReply:
        def news() -> RoundView | None:
            view = look(number)
            return view if view.sequence > after or is_over(view) else None

        found = await services.news.changes.wait(news, seconds=wait_s)
        return await run_in_threadpool(lambda: reply(look(number) if found is None else found))

    @router.post("/rounds/{number}/abort")
    def abort(number: Number, asked: shapes.AbortRequest) -> shapes.RoundReply:
        services.driver.abort(number, asked.reason)
        return reply(look(number))


def _add_releases(router: APIRouter, services: Services) -> None:
    @router.get("/releases")
    def releases() -> list[shapes.ReleaseReply]:
        with reading(services.db) as connection:
            names = names_of(Members(connection).all())
        library, boards = services.library, services.checks
        return [
            release_reply(each, library.votes(each.release), boards.progress(each), names)
            for each in library.releases()
        ]

    @router.get("/releases/{release}")
    def one(release: str) -> shapes.ReleaseReply:
        with reading(services.db) as connection:
            names = names_of(Members(connection).all())
        library, wanted = services.library, _hex(release)
        stored, votes = library.release(wanted), library.votes(wanted)
        return release_reply(stored, votes, services.checks.progress(stored), names, library.readings(wanted))

    @router.get("/releases/{release}/landmarks")
    def landmarks(
        release: str, count: Annotated[int, Query(ge=1, le=LANDMARKS_MAX)]
    ) -> shapes.LandmarksReply:
        return shapes.LandmarksReply(landmarks=list(services.library.most_bought(_hex(release), count)))

    @router.get("/audit")
    def audit() -> shapes.AuditReply:
        with reading(services.db) as connection:
            place = services.audit.place(connection)
        return shapes.AuditReply(size=place.size, root=place.root.hex())

    @router.post("/audit/verify")
    def verify_all() -> shapes.VerifyReply:
        checks = verify(services.db, services.consortium, services.spool, services.payloads)
        return shapes.VerifyReply(
            well=all(not check.problem for check in checks),
            checks=[
                shapes.CheckReply(what=check.what, checked=check.checked, problem=check.problem)
                for check in checks
            ],
        )


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise BadInput(expected="a hash in hexadecimal digits", came=text[:64], do="copy it again") from None
