"""Conditions of indexes over a part of a table's rows. A query uses such an index only if it has the same words.

A change here needs a migration that makes a new index. A test compares the two.
"""

# What may be trouble whatever the time is. The numbers are ``records.AGAIN_AND_AGAIN``: a test says so.
NOT_QUIET = (
    "certificates >= 2 OR notices >= 2 OR refusals > 0 OR anchor_failed_at > 0 OR is_contested > 0 "
    "OR asked_again_at > finished_at"
)
HAS_REPORTED = "reported_at > 0"
