"""camt.053, the bank-to-customer statement of ISO 20022, in its versions 2, 4 and 8."""
