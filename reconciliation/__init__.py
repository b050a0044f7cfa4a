"""What the bank says has happened, held against what we know: bank statements in."""
