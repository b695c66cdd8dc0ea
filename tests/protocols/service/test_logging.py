import json
import logging

import pytest
import structlog

from protocols.service.logging import REDACTED, configure, on_standard_error, redact
from protocols.service.tls import make_authority
from protocols.service.tokens import mint

TOKEN = mint("recommend", bytes(range(32))).text
INVITE = "altrove1.eyJlbnJvbF91cmwiOiAiaHR0cHM6Ly9sb2NhbGhvc3QifQ"


@pytest.fixture
def lines(tmp_path):
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    file = tmp_path / "daemon.log"
    configure(file=file)
    yield lambda: [json.loads(line) for line in file.read_text().splitlines()]
    root.handlers[:], root.level = before, level
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "field",
    ["token", "access_token", "secret", "invite", "identity_seed", "private_key", "key_pem", "authorization", "nonce",
     "customer", "customer_id", "external_id", "user_id", "household", "email"],
)  # fmt: skip
def test_a_secret_or_a_person_in_a_field_never_reaches_the_log(lines, field):
    structlog.get_logger("x").info("something", **{field: "hidden-4711081542"})
    assert lines()[0][field] == REDACTED
    assert "4711081542" not in json.dumps(lines())


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        (f"called with {TOKEN}", TOKEN),
        (f"joined by {INVITE}", INVITE),
        ("Authorization: Bearer abc.def.ghi", "abc.def.ghi"),
        (make_authority("x", 1_760_000_000).key.decode(), "PRIVATE"),
        ("postgresql+psycopg://me:hunter2@host/db", "hunter2"),
        ("no customer_id=4711081542 in row 8", "4711081542"),
        ("GET /recommendations?customer=4711081542&scenario=surprise", "4711081542"),
    ],
)
def test_a_secret_or_a_person_inside_a_text_is_cut_out(lines, text, hidden):
    structlog.get_logger("x").warning(text)
    logging.getLogger("some.library").warning("%s", text)
    structlog.get_logger("x").info("nested", detail={"deep": [text]})
    assert len(lines()) == 3
    assert hidden not in json.dumps(lines())


def test_a_traceback_is_cleaned_too(lines):
    try:
        raise ValueError(f"bad token {TOKEN} of customer=4711081542")
    except ValueError as error:
        structlog.get_logger("x").error("defect", exc_info=error)
    assert "ValueError" in lines()[0]["exception"]
    assert TOKEN not in json.dumps(lines())
    assert "4711081542" not in json.dumps(lines())


def test_bytes_are_counted_and_figures_stay(lines):
    structlog.get_logger("x").info(
        "sent", body=b"\x01" * 9, customers=1187, seconds=0.5, open=True, cause=None
    )
    line = lines()[0]
    assert (line["body"], line["customers"], line["seconds"], line["open"]) == ("[9 bytes]", 1187, 0.5, True)
    assert line["level"] == "info"
    assert line["timestamp"].endswith("Z")


def test_the_log_file_belongs_to_its_user_alone(tmp_path, lines):
    assert (tmp_path / "daemon.log").stat().st_mode & 0o777 == 0o600


def test_a_field_whose_name_only_resembles_a_secret_stays():
    assert redact({"tokens_issued": 3, "shared": "yes", "keys": "c3"}) == {
        "tokens_issued": 3,
        "shared": "yes",
        "keys": "c3",
    }


def test_what_a_verb_logs_goes_to_standard_error_without_secrets_and_afterwards_all_is_as_it_was(
    lines, capsys
):
    with on_standard_error():
        structlog.get_logger("x").info("within", token=TOKEN, rows=3)
    structlog.get_logger("x").info("after")
    said = capsys.readouterr()
    assert said.out == ""
    assert "within" in said.err
    assert "rows=3" in said.err
    assert TOKEN not in said.err
    assert [line["event"] for line in lines()] == ["after"]


def test_where_nothing_was_configured_nothing_is_afterwards():
    structlog.reset_defaults()
    with on_standard_error():
        assert structlog.is_configured()
    assert not structlog.is_configured()
