"""What a change of policy would do, told before it does it: check, explain, matrix, diff, replay.

Above the organs, since each question needs several: the catalog's tools and examples, the scan of
arguments, the policies, and the audit log. `checking` holds rules against the catalog (`names`,
`examples`); `folders`, `askers` and `asking` read what is asked about; `explained`, `differing` and
`replayed` answer in words, and `tables` prints a matrix. Each is imported by itself, so that a
command loads what it needs and no more.
"""
