-- register_beside: the number and schema of tables that are about to be made.
INSERT INTO live.beside (generation, schema_name)
SELECT number, 'projection_' || number
FROM (
    SELECT 1 + greatest((SELECT generation FROM live.generation), (SELECT max(generation) FROM live.beside)) AS number
) AS next
RETURNING generation, schema_name::text
