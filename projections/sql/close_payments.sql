-- close_payments: payments that have ended.
DELETE FROM projection.open_payments WHERE payment_id = ANY (%(payment_id)b::uuid[])
