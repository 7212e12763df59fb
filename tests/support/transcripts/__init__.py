"""Pages of docs/ as transcripts: their commands are run, and their output is held against what is really printed.

The libraries that do this (cram, prysk, byexample, sybil) start a process for each command, or write no output back.
A page here runs in the tests' own process, on a clock of its own, in front of doors that call at night.
"""
