"""What each verb of `altrove-node` prints; the verbs themselves are in `participant.cli`."""
