"""One file a channel: how its delivery is sent, and how an unknown outcome becomes certain."""
