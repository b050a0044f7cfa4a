"""Breaks a running stack on purpose, under load, and says whether every promise held."""
