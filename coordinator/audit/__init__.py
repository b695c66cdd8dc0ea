"""The append-only log of what the coordinator did, and its full recomputation."""
