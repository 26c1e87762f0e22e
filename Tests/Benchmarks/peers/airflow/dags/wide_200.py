"""200 tasks that do nothing, none waiting for another."""

from datetime import datetime

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG


def nothing():
    pass


with DAG("wide_200", schedule=None, start_date=datetime(2024, 1, 1), catchup=False):
    for number in range(200):
        PythonOperator(task_id=f"task_{number:03}", python_callable=nothing)
