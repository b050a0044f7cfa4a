"""The simulated bank's statements, as real banks send them: camt.053, BAI2 and a CSV table. Values in, bytes out."""
