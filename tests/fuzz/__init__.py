"""Fuzzers of what reads bytes from outside: one harness, led by Hypothesis or by coverage."""
