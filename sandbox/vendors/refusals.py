"""A vendor that says no because it was told to: the ``says_no`` faults."""

from sandbox.faults import VENDOR_KINDS
from sandbox.world import World


def refusal(world: World, vendor: str, operation: str) -> str | None:
    """The reason with which this call is to be refused; None when it is not."""
    path = f"/{vendor}/{operation}"
    if not world.faults.watching(VENDOR_KINDS, path):
        return None
    fault = world.faults.strike(VENDOR_KINDS, path)
    return None if fault is None else fault.value or "系统繁忙，请稍后再试"
