"""The coordinator's web pages: members, the round with its phases, releases."""
