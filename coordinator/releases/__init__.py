"""Signed sums: publishing them, serving them, collecting votes."""
