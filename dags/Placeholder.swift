// Replaced by the first DAG.
