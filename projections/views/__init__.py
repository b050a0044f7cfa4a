"""How values of the log become rows, one file a table: pure functions, so that a replay gives the same rows."""
