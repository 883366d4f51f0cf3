"""Answers of a real system kept without its secrets and people, to test against when it is far away."""
