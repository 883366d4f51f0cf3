"""The other side, simulated: WeChat, three government systems, and a phone to look at.

Imports nothing of ours: it would otherwise confirm our own mistakes. ``python -m sandbox`` starts it.
"""
