"""The consortium's courier: Flower's SuperLink, SuperExec and the run that carries sealed bytes."""
