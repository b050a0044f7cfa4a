"""The directpay command: composition roots of the processes, the local stack, the guided tour."""
