"""The report of the last run, made from its JSON and from what is known of the survivors."""

def write(): pass
