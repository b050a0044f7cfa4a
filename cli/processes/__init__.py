"""Composition roots: each reads its settings and hands plain values to the package that does the work."""
