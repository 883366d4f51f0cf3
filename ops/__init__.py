"""Starting, stopping and showing Weigov on one machine: what `make up`, `make down` and `make demo` run.

Nothing of the product imports this package, and it is not installed. It drives the product as an operator would:
by its command line, by Airflow's REST API, and by the sandbox's control API.
"""
