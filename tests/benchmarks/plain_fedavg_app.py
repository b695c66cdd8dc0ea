"""Flower's own FedAvg, nothing added: the app bundle that ``fedavg.py`` measures.

Every node gets the model, adds one to it and sends it back; the strategy averages. The two clocks that
are compared stand on one machine.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from flwr.app import Array, ArrayRecord, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAvg

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flwr.app import ConfigRecord, Context, Message
    from flwr.serverapp import Grid

client = ClientApp()
server = ServerApp()


@client.train()
def train(message: Message, context: Context) -> Message:
    from flwr.app import Message

    started = time.time()
    model = message.content.array_records["arrays"]["0"].numpy()
    arrays = ArrayRecord({"0": Array(model + np.float32(1))})
    metrics = MetricRecord({"num-examples": 1, "started": started, "finished": time.time()})
    return Message(RecordDict({"arrays": arrays, "metrics": metrics}), reply_to=message)


class TimedFedAvg(FedAvg):
    """FedAvg that writes down when each of its steps began and ended (unix seconds)."""

    rounds: list[dict[str, float]]

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        self.rounds.append({"began": time.time()})
        messages = super().configure_train(server_round, arrays, config, grid)
        self.rounds[-1]["configured"] = time.time()
        return messages

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        replies = list(replies)
        seen = self.rounds[-1]
        seen["received"] = time.time()
        seen["replies"] = len([reply for reply in replies if not reply.has_error()])
        works = [reply.content.metric_records["metrics"] for reply in replies if not reply.has_error()]
        seen["first_started"] = min(cast("float", work["started"]) for work in works)
        seen["last_finished"] = max(cast("float", work["finished"]) for work in works)
        result = super().aggregate_train(server_round, replies)
        seen["averaged"] = time.time()
        return result


@server.main()
def main(grid: Grid, context: Context) -> None:
    nodes = int(context.run_config["nodes"])
    while len(list(grid.get_node_ids())) < nodes:
        time.sleep(0.2)
    words = int(context.run_config["payload_bytes"]) // 4
    strategy = TimedFedAvg(fraction_evaluate=0.0, min_train_nodes=nodes, min_available_nodes=nodes)
    strategy.rounds = []
    initial = ArrayRecord({"0": Array(np.zeros(words, dtype=np.float32))})
    result = strategy.start(grid, initial, num_rounds=int(context.run_config["rounds"]))
    averaged = result.arrays["0"].numpy()
    expected = float(context.run_config["rounds"])
    exact = bool(averaged.size == words and (averaged == expected).all())
    target = Path(str(context.run_config["result"]))
    target.with_suffix(".partial").write_text(json.dumps({"rounds": strategy.rounds, "exact": exact}))
    target.with_suffix(".partial").rename(target)
