"""Statements as a CSV table of our own: for banks that have neither camt.053 nor BAI2, and for spreadsheets."""
