"""What a payment is and may do: pure functions and values; no clock, randomness or IO."""
