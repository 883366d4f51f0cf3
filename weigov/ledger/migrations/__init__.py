"""How the ledger's database came to look as it does, one numbered step after the other.

Once released, a step is never changed. ``python -m weigov.ledger.migrations "what it does"`` writes the next one
from what differs in ``tables``.
"""
