"""The sub-commands of ``weigov``, a module for each theme; ``weigov.cli`` lists them all."""
