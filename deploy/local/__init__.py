"""A whole consortium on this machine: one coordinator and its companies as local processes."""
