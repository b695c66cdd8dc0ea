"""Tables, migrations and repositories of the coordinator; no SQL stands anywhere else."""
