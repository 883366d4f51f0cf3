"""Records → what a citizen reads. Pure: no I/O, no clock, no database; images come through a resolver."""
