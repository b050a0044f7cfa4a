"""Bank statements as banks send them: camt.053, BAI2 and a CSV table, read into the same values. Bytes in, no IO."""
