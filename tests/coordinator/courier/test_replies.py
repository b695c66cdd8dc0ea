"""A reply is what a member's courier made it: none ends the run, and none takes more memory than its piece."""

import json

import httpx
import pytest
from flwr.app import Array, ArrayRecord, Message, RecordDict
from flwr.supercore.inflatable.inflatable_object import add_header_to_object_body, get_all_nested_objects
from flwr.supercore.inflatable.inflatable_utils import inflate_object_from_contents, validate_object_content
from flwr.supercore.task_identity import TaskIdentity
from flwr.superlink.grid import http_grid

from coordinator.courier.replies import NOT_SENT, UNREADABLE, bound_flower, objects_of, pull

PIECE = 32 * 2**20
CHUNK = 5 * 2**20


class Uploaded:
    """A grid that makes of uploaded objects what Flower's own makes of them; ``head`` is the reply's id."""

    def __init__(self, head, contents):
        self.head = head
        self.contents = contents

    def pull_messages(self, _ids):
        found = http_grid.pull_objects(list(self.contents), self.contents.__getitem__)
        return [inflate_object_from_contents(self.head, found)]


@pytest.fixture(autouse=True)
def bounded(monkeypatch):
    TaskIdentity.task_id = TaskIdentity.run_id = TaskIdentity.node_id = 1
    monkeypatch.setattr(http_grid, "pull_objects", http_grid.pull_objects)
    monkeypatch.setattr(Array, "inflate", Array.__dict__["inflate"])
    bound_flower()


def reply(body):
    record = RecordDict(
        {"y": ArrayRecord({"y": Array(dtype="uint8", shape=(len(body),), stype="raw", data=body)})}
    )
    message = Message(record, dst_node_id=7, message_type="query")
    return {name: each.deflate() for name, each in get_all_nested_objects(message).items()}, message.object_id


def test_an_honest_reply_of_a_whole_piece_is_read():
    body = bytes(range(256)) * (PIECE // 256)
    contents, head = reply(body)
    assert len(contents) <= objects_of(PIECE)
    (message,), code = pull(Uploaded(head, contents), "asked", PIECE)
    assert (message.content.array_records["y"]["y"].data, code) == (body, 0)


def test_an_array_that_names_one_chunk_over_and_over_is_not_inflated():
    chunk = bytes(CHUNK)
    array = Array(dtype="uint8", shape=(CHUNK,), stype="raw", data=chunk)
    said = {"dtype": "uint8", "shape": [CHUNK * 40], "stype": "raw", "arraychunk_ids": [0] * 40}
    bomb = add_header_to_object_body(object_body=json.dumps(said).encode(), obj=array)
    validate_object_content(bomb)
    contents = {name: each.deflate() for name, each in array.children.items()} | {"bomb": bomb}
    assert pull(Uploaded("bomb", contents), "asked", PIECE) == ([], UNREADABLE)


def test_a_reply_of_more_objects_than_a_piece_has_is_not_fetched():
    fetched = []
    grid = Uploaded("0", {str(number): b"" for number in range(objects_of(PIECE) + 1)})
    grid.pull_messages = lambda _ids: http_grid.pull_objects(list(grid.contents), fetched.append)
    assert pull(grid, "asked", PIECE) == ([], UNREADABLE)
    assert fetched == []


def test_a_reply_that_protobuf_cannot_read_passes_the_superlink_and_is_unreadable_here():
    message = Message(RecordDict(), dst_node_id=7, message_type="query")
    odd = add_header_to_object_body(object_body=b"\xff" * 7, obj=message)
    validate_object_content(odd)
    assert pull(Uploaded("odd", {"odd": odd}), "asked", PIECE) == ([], UNREADABLE)


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (MemoryError(), UNREADABLE),
        (KeyError("x"), UNREADABLE),
        (OSError(), NOT_SENT),
        (httpx.ReadError("x"), NOT_SENT),
    ],
)
def test_whatever_flower_raises_is_a_code_and_not_the_end_of_the_run(trouble, code):
    class Broken:
        def pull_messages(self, _ids):
            raise trouble

    assert pull(Broken(), "asked", PIECE) == ([], code)
