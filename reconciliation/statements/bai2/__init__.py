"""BAI2, the statement of American banks: Cash Management Balance Reporting Specifications, version 2 (BAI, 2005)."""
