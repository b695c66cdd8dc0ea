"""Planning, driving and summing rounds of any question."""
