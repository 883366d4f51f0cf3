"""Everything of Weigov that imports Airflow, apart from the DAG files and the one plugin file."""
