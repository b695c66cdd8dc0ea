"""The Markdown tables of the benchmark of reasons, made from its JSON file and nothing else.

    python -m tests.benchmarks.nonbuyers_table

writes ``results/nonbuyers.md``.
"""

import json
from pathlib import Path
from typing import Any

from protocols.questions.nonbuyers import HYPOTHESIS, WORDS
from tests.benchmarks.markdown import table
from tests.benchmarks.nonbuyers import MATCHING, SPLITS

RESULTS = Path(__file__).parent / "results"
TITLES = {
    "test": "Reasons of weeks 1-40, first purchases of weeks 41-53",
    "validation": "Reasons of weeks 1-33, first purchases of weeks 34-40 (where the definitions were chosen)",
}
INTRODUCTION = f"""# Who does not buy, and why: what the reasons foretell

{HYPOTHESIS} Here each is put to a test that it may fail: does its matching change move the rate of *first* purchases,
does it move it more than it moves other non-buyers, and how do its customers stand beside them?

Rates are first purchases for each visit (a week in which a customer came to a store) until the first. Ratios compare
within one concept at one company and among equally active customers (fifths by lines bought), so that popularity and
activity are the same on both sides; intervals are 95%, by bootstrap over households. Nobody's own purchase makes its
own exposure: a reduction is seen at the other companies, a stock in somebody else's purchase or a promotion. Changes are not
randomised: what a store promotes may be what is wanted that week anyway, which the last columns take out as far as the others show it.

Data: dunnhumby / 84.51° *The Complete Journey*, five companies by store. It has no list of what a store stocks
and no price list: both are derived from the panel's own sales, so "not stocked" also holds what the store had and nobody of the
panel bought there.

"""


def section(label: str, found: dict[str, Any]) -> str:
    """All tables of one division of the weeks."""
    ratios, rates = found["ratios"], found["rates"]
    reasons = table(
        TITLES[label],
        "*With against without*: the same reason, on visits with the change against visits without. *Beyond the others*: that "
        "ratio over the same ratio of non-buyers for other reasons. *Beside the others*: first purchases of this reason "
        "over those of other reasons, on visits with the change, and without it.",
        (
            "reason",
            "change",
            "per 1,000 visits with / without",
            "with against without",
            "the others' with against without",
            "beyond the others",
            "beside the others, with",
            "beside the others, without",
        ),
        [_reason(state, ratios[state], rates) for state in MATCHING],
    )
    shown, again = ratios["shown"]["never_beside_shown"], ratios["again"]
    bought = table(
        f"Who has bought before ({label} weeks)",
        "Purchases of a concept again, for each visit until the first; and never shown beside shown and not taken, both on visits at which it is shown.",
        ("compared", "ratio"),
        [
            ("lapsed beside who buys", _said(again["lapsed_beside_buys"])),
            ("tried once beside lapsed", _said(again["tried_once_beside_lapsed"])),
            ("only when reduced: reduced against not", _said(again["only_reduced_by_reduction"])),
            ("who buys: reduced against not", _said(again["buys_by_reduction"])),
            ("only when reduced, beyond who buys", _said(again["only_reduced_more_than_buys"])),
            ("never shown beside shown and not taken, shown now", _said(shown)),
        ],
    )
    shares = table(
        f"How many are in each state ({label} weeks)",
        f"Of all pairs of a customer and a concept; {sum(found['customers']):,} customers of {len(found['customers'])} "
        f"companies. Saying the states of a company's customers took {min(found['answer_s']):.1f} to "
        f"{max(found['answer_s']):.1f} s on a busy machine.",
        ("state", "share", "means"),
        [(state, f"{100 * share:.2f}%", WORDS[state]) for state, share in found["shares"].items()],
    )
    return reasons + bought + shares + f"Commit {found['commit']}.\n\n"


def _reason(state: str, ratios: dict[str, Any], rates: dict[str, Any]) -> tuple[str, ...]:
    change = MATCHING[state]
    with_it, without = rates[f"{state}, {change}"], rates[f"{state}, not {change}"]
    return (
        state,
        change,
        f"{with_it['per_1000']:.2f} / {without['per_1000']:.2f} ({with_it['purchases']:,} / {without['purchases']:,} purchases)",
        *(_said(ratios[name]) for name in ("change_or_not", "others_change_or_not", "more_than_others")),
        *(_said(ratios[name]) for name in ("beside_others", "beside_others_unchanged")),
    )


def _said(interval: dict[str, float]) -> str:
    return f"{interval['ratio']:.2f} [{interval['low']:.2f}, {interval['high']:.2f}]"


def main() -> None:
    """Write the tables of every split that was measured."""
    found = json.loads((RESULTS / "nonbuyers.json").read_text(encoding="utf-8"))
    text = INTRODUCTION + "".join(section(label, found[label]) for label in SPLITS if label in found)
    (RESULTS / "nonbuyers.md").write_text(text.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
