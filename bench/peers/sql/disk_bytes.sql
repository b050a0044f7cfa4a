-- disk_bytes: tables, indexes, and the log that they are written to first
SELECT pg_database_size(current_database()) + (SELECT coalesce(sum(size), 0) FROM pg_ls_waldir())
