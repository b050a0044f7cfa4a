/** What payment-rejections carries: one record that was read and not obeyed; ids where they could be read. */
record Rejection(
    String topic, int partition, long offset, byte[] key, Refused refused, byte[] tenant, byte[] paymentId,
    byte[] commandId, long rejectedAtUs, byte[] raw, byte[] rawSha256
) {
    static final int RAW_BYTES_MAX = 32 * 1024;
}
