"""Side-by-side benchmarks: our whole path beside its peers and the floor, in one run. ``make bench NAME=...``.

Each module here is one benchmark. ``harness`` measures, ``upstream`` is the system that is read, ``variants`` holds
one way of doing the work a file. What is measured, how, and the last figures: README.md. Nothing of the product
imports this.
"""
