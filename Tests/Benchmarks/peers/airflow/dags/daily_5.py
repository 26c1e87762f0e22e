"""A daily chain of five tasks that do nothing, to be backfilled."""

from datetime import datetime

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG


def nothing():
    pass


# The end lies in the past, so that the scheduler makes no run of its own.
with DAG(
    "daily_5", schedule="@daily", start_date=datetime(2024, 1, 1), end_date=datetime(2024, 12, 31),
    catchup=False,
):
    before = None
    for number in range(5):
        task = PythonOperator(task_id=f"task_{number:03}", python_callable=nothing)
        if before is not None:
            before >> task
        before = task
