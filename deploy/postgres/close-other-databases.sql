-- Runs once, when the container makes its cluster. Everybody may connect to these databases, and make temporary tables
-- there: nobody but their owner has to. As cli/local_stack/postgres.py does.
REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;
