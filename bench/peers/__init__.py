"""Others that do what our stream stage does, measured beside it."""
