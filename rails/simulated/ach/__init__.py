"""The simulated bank's ACH: Nacha files are taken, their entries posted when they settle, and answered in files."""
