"""Who may take part: invites, enrolment, certificates and the roster."""
