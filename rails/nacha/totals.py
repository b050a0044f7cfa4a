"""The sums that control records carry, of a batch and of a file."""

from __future__ import annotations

from dataclasses import dataclass

ENTRY_HASH_MODULUS = 10**10  # A hash that outgrows its 10 digits loses the left ones.


@dataclass(slots=True)
class Totals:
    """Counts entries and addenda records, adds up cents, and hashes: the sum of the 8-digit receiving DFI numbers."""

    entry_addenda_count: int = 0
    receiving_dfi_sum: int = 0
    debit_minor: int = 0
    credit_minor: int = 0

    @property
    def entry_hash(self) -> int:
        return self.receiving_dfi_sum % ENTRY_HASH_MODULUS

    def add(self, other: Totals) -> None:
        """Add a batch's sums to a file's."""
        self.entry_addenda_count += other.entry_addenda_count
        self.receiving_dfi_sum += other.receiving_dfi_sum
        self.debit_minor += other.debit_minor
        self.credit_minor += other.credit_minor
