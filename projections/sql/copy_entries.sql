-- copy_entries
COPY pg_temp.incoming_entries FROM STDIN
