"""Money out: the gateway, the port to a bank, and a simulated bank."""
