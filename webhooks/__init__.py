"""Events out: delivers what happens to payments to the endpoints of their tenants, as Standard Webhooks has it."""
