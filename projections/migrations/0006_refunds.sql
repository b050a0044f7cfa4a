-- Refunds are there: what a payment goes through because of them.
COMMENT ON COLUMN analytics.payment_events.event_type IS 'payment_initiated, payment_processing, payment_completed, payment_failed, payment_cancelled, payment_returned, payment_refund_initiated, payment_refunded, payment_refund_failed, payment_refund_returned or payment_suspense_recorded.';
COMMENT ON COLUMN analytics.payments.refunded_amount IS 'Dollars of it that completed refunds paid back; what is only on its way is not in it. On a returned payment: what went back twice.';
