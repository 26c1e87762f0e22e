"""The churn model with PyPI's xgboost on the matrix that Strata wrote.

Usage: churn_xgboost.py FOLDER [PARAMETERS]

FOLDER holds train.csv, validation.csv and test.csv: one column per feature (empty is null) and the
column `label`. PARAMETERS is a JSON object with the entries of `parameters:` in models.yaml.
Prints one JSON object: rows, rounds kept, seconds of training, AUC, log-loss and Brier on test.csv.
Needs xgboost, numpy and scikit-learn from PyPI.
"""

import json
import sys
import time

import numpy
import xgboost
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

DEFAULTS = {"max_depth": 5, "eta": 0.1, "rounds": 400, "early_stopping": 25}


def read(folder, part):
    table = numpy.genfromtxt(f"{folder}/{part}.csv", delimiter=",", skip_header=1, dtype=numpy.float32)
    return xgboost.DMatrix(table[:, :-1], label=table[:, -1])


def main():
    folder = sys.argv[1]
    parameters = DEFAULTS | (json.loads(sys.argv[2]) if len(sys.argv) > 2 else {})
    rounds = int(parameters.pop("rounds"))
    patience = int(parameters.pop("early_stopping"))
    train, validation, test = (read(folder, part) for part in ("train", "validation", "test"))
    start = time.perf_counter()
    model = xgboost.train(
        {
            "objective": "binary:logistic",
            "tree_method": "hist",
            "eval_metric": "logloss",
            "seed": 1,
            **parameters,
        },
        train,
        rounds,
        evals=[(train, "train"), (validation, "validation")],
        early_stopping_rounds=patience or None,
        verbose_eval=False,
    )
    seconds = time.perf_counter() - start
    kept = model.best_iteration + 1 if patience else rounds
    scores = model.predict(test, iteration_range=(0, kept)).astype(numpy.float64)
    labels = test.get_label()
    print(
        json.dumps(
            {
                "peer": f"xgboost {xgboost.__version__}",
                "rows": train.num_row(),
                "rounds": kept,
                "seconds": round(seconds, 4),
                "auc": float(roc_auc_score(labels, scores)),
                "log_loss": float(log_loss(labels, scores)),
                "brier": float(brier_score_loss(labels, scores)),
            }
        )
    )


main()
