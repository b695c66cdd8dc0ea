"""The Markdown tables of the benchmark of reasons, made from its JSON file and nothing else.

    python -m tests.benchmarks.nonbuyers_table

writes ``results/nonbuyers.md``.
"""

import json
from pathlib import Path
from typing import Any

from protocols.questions.nonbuyers import HYPOTHESIS, WORDS
from tests.benchmarks.markdown import table
from tests.benchmarks.nonbuyers import BY_CATEGORY, MATCHING, SPLITS
from tests.benchmarks.nonbuyers_members import SIMILAR

RESULTS = Path(__file__).parent / "results"
ORDER = (
    "change_or_not",
    "others_change_or_not",
    "beyond_others",
    "beside_others",
    "beside_others_unchanged",
)
TITLES = {
    "test": "Reasons of weeks 1-40, first purchases of weeks 41-53",
    "validation": "Reasons of weeks 1-33, first purchases of weeks 34-40 (where the definitions were chosen)",
}
INTRODUCTION = f"""# Who does not buy, and why: what the reasons foretell

{HYPOTHESIS} Here each is put to a test that it may fail: does its matching change move the rate of *first* purchases,
does it move it more than it moves other non-buyers, and how do its customers stand beside them?

Rates are first purchases for each visit (a week in which a customer came to a store) until the first. They are standardised:
taken within one concept at one company among equally active customers (fifths by lines bought), where all four of
mine and the others', with the change and without, occur, and averaged with the same weights. So popularity and activity
are the same on all sides, and the ratios of a line agree with one another. Intervals are 95%, by bootstrap over
households. Nobody's own first purchase makes its own exposure: *reduced* is seen at the other companies, *shown* in the list of promotions,
*stocked* in earlier sales of that store or a promotion. Changes are not randomised: what a store promotes may be
what is wanted that week anyway, which the comparison with the others takes out as far as they see it too.

Data: dunnhumby / 84.51° *The Complete Journey*, five companies by store. It has no list of what a store stocks
and no price list: both are derived from the panel's own sales, so "not stocked" is also said of what the store had and
nobody of the panel had bought there.

The definitions were chosen on weeks 1-33 against 34-40 and not changed after weeks 41-53 had been seen. Two things about the *measurement*
were: ratios were first taken each over strata of its own, and did not agree with one another; and *stocked* was first seen in
sales of the same weeks, which miss what a single customer buys.

"""


def section(label: str, found: dict[str, Any]) -> str:
    """All tables of one division of the weeks."""
    ratios, rates = found["ratios"], found["rates"]
    reasons = table(
        TITLES[label],
        "*With against without*: the same reason, on visits with the change against visits without. *Beyond the others*: that "
        "ratio over the same ratio of non-buyers for other reasons. *Beside the others*: first purchases of this reason "
        "over those of other reasons, on visits with the change, and without it. *Of the category's buyers*: only customers "
        "who buy the concept's category, the others as much of it.",
        (
            "reason",
            "change",
            "per 1,000 visits with / without, as they are",
            "with against without",
            "the others' with against without",
            "beyond the others",
            "beside the others, with",
            "beside the others, without",
            "so",
        ),
        [
            *(_line(state, state, MATCHING[state], ratios, rates) for state in MATCHING),
            *(
                _line(f"{state}, of the category's buyers", state + SIMILAR, MATCHING[state], ratios, rates)
                for state in BY_CATEGORY
            ),
            _line(
                "never-shown, the others: shown-not-taken",
                "never-shown and shown-not-taken",
                "shown",
                ratios,
                rates,
            ),
            _line(
                "only-reduced who bought it, the others: who buys",
                "only-reduced before and buys before",
                "reduced",
                ratios,
                rates,
            ),
        ],
    )
    bought = table(
        f"Who has bought before ({label} weeks)",
        "Purchases of a concept again, for each visit until the first.",
        ("compared", "ratio"),
        [
            ("lapsed beside who buys", _said(ratios["again"]["lapsed_beside_buys"])),
            ("tried once beside lapsed", _said(ratios["again"]["tried_once_beside_lapsed"])),
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


def _line(
    name: str, group: str, change: str, ratios: dict[str, Any], rates: dict[str, Any]
) -> tuple[str, ...]:
    first = group.split(" and ", maxsplit=1)[0]
    with_it, without = rates[f"{first}, {change}"], rates[f"{first}, not {change}"]
    plain = f"{with_it['per_1000']:.2f} / {without['per_1000']:.2f}"
    return (
        name,
        change,
        f"{plain} ({with_it['purchases']:,} / {without['purchases']:,} purchases)",
        *(_said(ratios[group][each]) for each in ORDER),
        _so(ratios[group]),
    )


def _so(ratios: dict[str, Any]) -> str:
    """What the intervals bear out, and no more."""
    moved = "the change goes with more purchases" if ratios["change_or_not"]["low"] > 1 else "no clear effect"
    more = ratios["beyond_others"]
    beyond = ", more than for the others" if more["low"] > 1 else ", **not clearly more than for the others**"
    beyond = ", **less than for the others**" if more["high"] < 1 else beyond
    beside = ratios["beside_others"]
    stands = "; alike beside them"
    if beside["low"] > 1 or beside["high"] < 1:
        stands = f"; {'likelier' if beside['low'] > 1 else 'less likely'} than they"
    return moved + beyond + stands


def _said(interval: dict[str, float]) -> str:
    return f"{interval['ratio']:.2f} [{interval['low']:.2f}, {interval['high']:.2f}]"


def main() -> None:
    """Write the tables of every split that was measured."""
    found = json.loads((RESULTS / "nonbuyers.json").read_text(encoding="utf-8"))
    text = INTRODUCTION + "".join(section(label, found[label]) for label in SPLITS if label in found)
    (RESULTS / "nonbuyers.md").write_text(text.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
