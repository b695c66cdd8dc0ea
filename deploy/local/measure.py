"""Ask one company's own node how it did on weeks that its own choices never used; prints JSON.

Run by the demo as a process of the company: ``python -m deploy.local.measure HOME TEST_UNTIL``. The
figures leave the company only because the demo plays all five companies.
"""

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

from participant.node import open_node
from participant.settings import home_at, load
from participant.store.membership import Membership
from participant.surprise import headline
from participant.threads import hold_to
from protocols.service.unit_of_work import reading


def main(home: str, test_until: str) -> int:
    """Print the figures of every scenario, as shares of customers with their intervals."""
    place = home_at(Path(home))
    settings = load(place)
    hold_to(settings.training.threads)
    node = open_node(place, settings)
    used = node.trainer.in_use()
    with reading(node.db) as connection:
        vocabulary = Membership(connection).vocabulary()
    if used is None or vocabulary is None:
        print("no model is deployed yet", file=sys.stderr)
        return 1
    version, model = used
    model = replace(model, windows=replace(model.windows, test_until=int(test_until)))
    denied = node.trainer.guard.denied(vocabulary, model.starters)
    figures = headline(model, node.records, vocabulary, denied=denied)
    reasons = {name: part.verdict.sentence for name, part in model.scenarios.items()}
    scenarios = [asdict(each) | {"reason": reasons[each.scenario]} for each in figures]
    print(json.dumps({"model_version": version, "scenarios": scenarios}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:3]))
