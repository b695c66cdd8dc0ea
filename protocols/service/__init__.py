"""The one impure room of ``protocols``: what both daemons share as services.

Nothing pure imports it. It holds the app factory, problem+json, unit of work, tokens, TLS, request
signatures, listeners, jobs, health, metrics, logging with redaction and the page frame.
"""
