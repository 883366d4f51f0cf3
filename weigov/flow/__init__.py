"""The verbs: what moves between upstream systems, the ledger and WeChat, and in which order it is made certain.

    collect     system → mirror
    compose     mirror → deliveries
    review      held deliveries → people
    deliver     outbox → WeChat
    reconcile   whatever is not certain → certain
    sync_back   receipts → the system a record came from

Each is a plain function of a ``Context``; the command line and the DAGs call the same ones.
"""
