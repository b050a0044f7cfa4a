"""Reading and writing the log, as every process does it; knows nothing of payments but the list of topics."""
