-- open_payments: payments that are new and have not ended.
INSERT INTO projection.open_payments (
    payment_id, tenant_id, status, payment_rail_type, currency, amount_minor, initiated_at, expected_settlement_at
)
SELECT
    payment_id, tenant_id, status, payment_rail_type, currency, amount_minor, live.at_us(initiated_at_us),
    live.at_us(expected_settlement_at_us)
FROM unnest(
    %(payment_id)b::uuid[], %(tenant_id)b::text[], %(status)b::text[], %(payment_rail_type)b::text[],
    %(currency)b::text[], %(amount_minor)b::bigint[], %(initiated_at_us)b::bigint[],
    %(expected_settlement_at_us)b::bigint[]
) AS opened (
    payment_id, tenant_id, status, payment_rail_type, currency, amount_minor, initiated_at_us,
    expected_settlement_at_us
)
