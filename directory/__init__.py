"""Who pays whom: tenants, API keys, users, bank accounts, properties and leases, as pure values and rules."""
