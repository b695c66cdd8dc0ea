"""The edges of the coordinator: partners, enrolment, administration, the dock."""
