"""A chain of 50 tasks that do nothing."""

from datetime import datetime

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG


def nothing():
    pass


with DAG("chain_50", schedule=None, start_date=datetime(2024, 1, 1), catchup=False):
    before = None
    for number in range(50):
        task = PythonOperator(task_id=f"task_{number:03}", python_callable=nothing)
        if before is not None:
            before >> task
        before = task
