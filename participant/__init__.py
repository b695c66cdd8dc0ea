"""The daemon of one company: its data stay here, one masked vector a round leaves through the door."""
