"""The consortium's coordinator: members, rounds, releases, audit. It sees sums, never an answer."""
