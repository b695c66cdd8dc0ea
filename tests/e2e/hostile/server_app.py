"""Sends one message to the node and writes down what it answers."""

import json
import time
from pathlib import Path

from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.serverapp import Grid, ServerApp

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    node, result = int(str(context.run_config["node"])), Path(str(context.run_config["result"]))
    while node not in grid.get_node_ids():
        time.sleep(0.2)
    content = RecordDict({"nothing": ConfigRecord({"x": 1})})
    (reply,) = grid.send_and_receive([Message(content, dst_node_id=node, message_type="query")], timeout=120)
    if reply.has_error():
        said = {"error": [reply.error.code, reply.error.reason]}
    else:
        said = json.loads(str(reply.content.config_records["said"]["findings"]))
    fresh = result.with_suffix(".new")
    fresh.write_text(json.dumps(said))
    fresh.replace(result)
