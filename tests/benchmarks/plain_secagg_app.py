"""Flower's own SecAgg+ workflow, nothing added: the app bundle that ``round_time.py`` measures.

Every node gets the model, adds one to it and sends it back masked; a complete graph of shares, threshold
two thirds, Flower's own clipping and quantisation.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from flwr.client import NumPyClient
from flwr.client.mod import secaggplus_mod
from flwr.clientapp import ClientApp
from flwr.common import ndarrays_to_parameters, parameters_to_ndarrays
from flwr.server import LegacyContext, ServerConfig
from flwr.server.strategy import FedAvg
from flwr.server.workflow import DefaultWorkflow, SecAggPlusWorkflow
from flwr.serverapp import ServerApp

if TYPE_CHECKING:
    from flwr.app import Context
    from flwr.client import Client
    from flwr.serverapp import Grid


class _AddsOne(NumPyClient):
    def fit(
        self, parameters: list[np.ndarray], config: dict[str, bool | bytes | float | int | str]
    ) -> tuple[list[np.ndarray], int, dict[str, bool | bytes | float | int | str]]:
        return [parameters[0] + np.float32(1)], 1, {}


def _client(_context: Context) -> Client:
    return _AddsOne().to_client()


client = ClientApp(client_fn=_client, mods=[secaggplus_mod])
server = ServerApp()


class _Timed:
    """A workflow that writes down how long each of its calls took."""

    def __init__(self, workflow: SecAggPlusWorkflow) -> None:
        self._workflow = workflow
        self.rounds: list[dict[str, float]] = []

    def __call__(self, grid: Grid, context: Context) -> None:
        began = time.time()
        self._workflow(grid, context)
        self.rounds.append({"round_s": time.time() - began})


@server.main()
def main(grid: Grid, context: Context) -> None:
    nodes, rounds = int(context.run_config["nodes"]), int(context.run_config["rounds"])
    while len(list(grid.get_node_ids())) < nodes:
        time.sleep(0.2)
    words = int(context.run_config["payload_bytes"]) // 4
    strategy = FedAvg(
        fraction_evaluate=0.0,
        min_fit_clients=nodes,
        min_available_clients=nodes,
        initial_parameters=ndarrays_to_parameters([np.zeros(words, dtype=np.float32)]),
    )
    seen = _Seen()
    legacy = LegacyContext(context=context, config=ServerConfig(num_rounds=rounds), strategy=strategy)
    fit = _Timed(SecAggPlusWorkflow(num_shares=1.0, reconstruction_threshold=2 / 3))
    DefaultWorkflow(fit_workflow=seen.after(fit))(grid, legacy)
    error = float(np.abs(seen.model - rounds).max()) if seen.model.size == words else None
    target = Path(str(context.run_config["result"]))
    target.with_suffix(".partial").write_text(json.dumps({"rounds": fit.rounds, "largest_error": error}))
    target.with_suffix(".partial").rename(target)


class _Seen:
    """Keeps the model of the last round: the legacy context holds it, not the strategy."""

    model: np.ndarray

    def after(self, fit: _Timed):  # type: ignore[no-untyped-def]
        """``fit``, followed by a look at the model."""
        from flwr.compat.common import recorddict_compat as compat
        from flwr.server.workflow.constant import MAIN_PARAMS_RECORD

        def look(grid: Grid, context: Context) -> None:
            fit(grid, context)
            record = context.state.array_records[MAIN_PARAMS_RECORD]
            parameters = compat.arrayrecord_to_parameters(record, keep_input=True)
            (self.model,) = parameters_to_ndarrays(parameters)

        return look
