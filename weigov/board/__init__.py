"""The board: is everything in step, and if not, who must do what. Pages for people; knows no Airflow.

Who may see and do what is asked of a ``Guard`` that the caller brings (``weigov_airflow.board`` brings Airflow's).
The pages only look; what a person decides goes through the same functions of ``weigov.flow`` as the command line's.
"""
