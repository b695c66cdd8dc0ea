"""Whose answers a questionnaire holds."""

from participant.intake.questionnaire import read_questionnaire
from tests.participant import asked, nodes


def test_ids_in_a_questionnaire_are_compared_as_those_of_purchases_are(start_four, tmp_path):
    """Spaces around them are no part of them, a tab is, and another case is another customer."""
    node, odd = start_four()[1][0], "odd\t"
    nodes.sell(
        node, tmp_path / "more", {f"\u00a0{odd} ": [(asked.SPRING, "MILK")], "ODD\t": [(asked.SPRING, "TEA")]}
    )
    assert node.eraser.erase(odd).rows == 1
    said = tmp_path / "answers.csv"
    rows = [f" {odd}\u3000,2023-01-01,5,5", "ODD\t,2023-01-01,5,5", "odd,2023-01-01,5,5"]
    said.write_text("customer,consented_at,uniqueness,openness\n" + "\n".join(rows) + "\n", "utf-8")
    report = read_questionnaire(said, home=node.home.root, engine=node.db, now=asked.NOW)
    assert (report.kept, dict(report.rejected)) == (1, {"erased": 1, "unknown-customer": 1})
    assert odd not in report.rejected_file.read_text("utf-8")
