-- Creates the row of a model where it is missing and locks it until the transaction ends, so that
-- versions are numbered one after the other.
-- $1 text: the model's name.
-- Returns one row: model text.
INSERT INTO models.model (model) VALUES ($1)
ON CONFLICT (model) DO UPDATE SET model = excluded.model
RETURNING model;
