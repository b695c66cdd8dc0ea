"""Releases that this node has verified, and the models it has deployed."""

from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from participant.store.exchange_tables import deployments, releases


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRelease:
    """One verified release: its signed manifest (canonical bytes) and the file with its numbers.

    ``witnessed`` says that this node took part and compared the manifest with what it signed itself.
    """

    release: bytes
    round: int
    attempt: int
    questions: tuple[str, ...]
    manifest: bytes
    file: str
    witnessed: bool
    received_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One deployed model; ``release`` is empty for a model that is local only. ``report`` is JSON."""

    release: bytes
    folder: str
    model_version: str
    report: str
    deployed_at: int


class Releases:
    """Releases and deployments within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def find(self, release: bytes) -> StoredRelease | None:
        """The release with this id, or None."""
        query = select(releases).where(releases.c.release == release)
        row = self._db.execute(query).mappings().one_or_none()
        return None if row is None else _release(row)

    def all(self) -> tuple[StoredRelease, ...]:
        """All releases, newest round first."""
        query = select(releases).order_by(releases.c.round.desc(), releases.c.attempt.desc())
        return tuple(_release(row) for row in self._db.execute(query).mappings())

    def newest(self, question: str) -> StoredRelease | None:
        """The newest release that answers ``question``, or None."""
        return next((found for found in self.all() if question in found.questions), None)

    def add(self, release: StoredRelease) -> None:
        """Keep a verified release."""
        self._db.execute(
            insert(releases).values(
                release=release.release,
                round=release.round,
                attempt=release.attempt,
                questions=" ".join(release.questions),
                manifest=release.manifest,
                file=release.file,
                witnessed=release.witnessed,
                received_at=release.received_at,
            )
        )

    def trained(self, release: bytes, *, at: int) -> None:
        """Note that the training which this release asked for is done."""
        self._db.execute(update(releases).where(releases.c.release == release).values(trained_at=at))

    def untrained(self) -> bool:
        """Whether a release waits for training."""
        query = select(releases.c.release).where(releases.c.trained_at.is_(None)).limit(1)
        return self._db.execute(query).one_or_none() is not None

    def deploy(self, deployment: Deployment) -> None:
        """Add a deployment; the newest is in use."""
        self._db.execute(
            insert(deployments).values(
                release=deployment.release or None,
                folder=deployment.folder,
                model_version=deployment.model_version,
                report=deployment.report,
                deployed_at=deployment.deployed_at,
            )
        )

    def take_out_of_service(self) -> None:
        """Forget every deployment: no model is in use."""
        self._db.execute(delete(deployments))

    def in_use(self) -> Deployment | None:
        """The newest deployment, or None before the first training."""
        row = self._db.execute(select(deployments).order_by(deployments.c.id.desc()).limit(1)).one_or_none()
        if row is None:
            return None
        return Deployment(
            release=row.release or b"",
            folder=row.folder,
            model_version=row.model_version,
            report=row.report,
            deployed_at=row.deployed_at,
        )


def _release(row: RowMapping) -> StoredRelease:
    return StoredRelease(
        release=row["release"],
        round=row["round"],
        attempt=row["attempt"],
        questions=tuple(row["questions"].split()),
        manifest=row["manifest"],
        file=row["file"],
        witnessed=row["witnessed"],
        received_at=row["received_at"],
    )
