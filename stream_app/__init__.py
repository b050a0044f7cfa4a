"""Decides: commands and rail reports in, the events of payments and of the directory out."""
