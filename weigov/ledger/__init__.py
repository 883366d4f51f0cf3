"""The ledger: Weigov's own database, where uniqueness is a constraint and every decision is a row.

The caller owns the transaction (``with ledger.begin() as connection``) and ``now`` is always an argument. Nothing
here talks to a remote system.
"""
