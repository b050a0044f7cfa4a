"""The log as rows: what happened to payments and to the directory, projected into Postgres and read from there."""
