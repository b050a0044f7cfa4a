"""Nacha files, the form in which ACH payments reach a bank and come back from one: bytes both ways, no IO of its own.

The record layouts are those of the Nacha Operating Rules, appendix three; columns count from 1, as Nacha counts them.
"""
