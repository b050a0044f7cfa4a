-- replace_live: the swap; each statement of it is only seen together with the others. Nobody who reads waits for it.
UPDATE live.generation SET generation = {generation};
-- A batch that was about to be written finds no position any more: it was overtaken.
DELETE FROM projection.offsets;
DELETE FROM live.beside WHERE generation = {generation};
INSERT INTO live.beside (generation, schema_name, replaced_in)
VALUES ({replaced}, {replaced_name}, pg_current_xact_id());
ALTER TABLE projection.migrations SET SCHEMA {schema};
ALTER SCHEMA projection RENAME TO {replaced_schema};
ALTER SCHEMA {schema} RENAME TO projection;
