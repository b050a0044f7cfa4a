-- copy_events
COPY pg_temp.incoming_events FROM STDIN
