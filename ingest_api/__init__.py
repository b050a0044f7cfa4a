"""HTTP in: checks a request, turns it into a command on Kafka, and tells the caller what became of it."""
