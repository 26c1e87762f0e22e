-- No run begins or ends until the transaction does; readers of the ledger go on.
LOCK TABLE runs.run IN SHARE ROW EXCLUSIVE MODE
