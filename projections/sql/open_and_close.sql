-- open_and_close: keep the payments that have not ended; the ones that opened and ended in one batch are in neither list.
WITH ended AS (
    DELETE FROM projection.open_payments WHERE payment_id = ANY(%(ended)s::uuid[])
)
INSERT INTO projection.open_payments SELECT unnest(%(opened)s::uuid[]) ON CONFLICT (payment_id) DO NOTHING
