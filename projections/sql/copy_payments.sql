-- copy_payments
COPY pg_temp.incoming_payments FROM STDIN
