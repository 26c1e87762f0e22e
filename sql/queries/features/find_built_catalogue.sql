-- A feature catalogue as it was last built.
-- Parameters: $1 text, its file.
-- Result: definition text (JSON); no row where nothing was built.
SELECT definition::text AS definition FROM features.built_catalogue WHERE catalogue = $1
