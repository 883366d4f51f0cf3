"""A system looked at by people: what contradicts its descriptor, what its records are. Nothing is stored."""
