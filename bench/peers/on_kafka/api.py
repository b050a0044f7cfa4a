"""A thin API: POST produces a payment command and answers 202 when all replicas in sync have it.

Settings are environment variables: PEER_KAFKA, the brokers, and PEER_COMMANDS, the topic.
"""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Annotated

from aiokafka import AIOKafkaProducer
from fastapi import FastAPI, Header, HTTPException, Request
from pydantic import BaseModel, Field

COMMANDS = os.environ.get("PEER_COMMANDS", "commands")
# Requests that come at once share a produce request (aiokafka, "Producer client", batching: linger_ms).
LINGER_MS = 5


class Order(BaseModel):
    idempotency_key: str | None = None
    lease_id: uuid.UUID | None = None
    payer_account_id: uuid.UUID
    payee_account_id: uuid.UUID
    amount: Annotated[Decimal, Field(gt=0, le=1_000_000, decimal_places=2)]
    payment_rail_type: str


class Accepted(BaseModel):
    id: uuid.UUID
    status: str = "pending"


@asynccontextmanager
async def producing(app: FastAPI) -> AsyncIterator[None]:
    producer = AIOKafkaProducer(
        bootstrap_servers=os.environ["PEER_KAFKA"], acks="all", enable_idempotence=True, linger_ms=LINGER_MS
    )
    await producer.start()
    app.state.producer = producer
    yield
    await producer.stop()


app = FastAPI(title="Commands onto Kafka", lifespan=producing)


@app.post("/api/v1/payments/", status_code=202)
async def initiate_payment(
    order: Order, request: Request, idempotency_key: Annotated[str | None, Header()] = None
) -> Accepted:
    order = order.model_copy(update={"idempotency_key": idempotency_key or order.idempotency_key})
    return (await _produce([order], request.app.state.producer))[0]


@app.post("/api/v1/payments/batch", status_code=202)
async def initiate_batch(orders: list[Order], request: Request) -> list[Accepted]:
    return await _produce(orders, request.app.state.producer)


async def _produce(orders: list[Order], producer: AIOKafkaProducer) -> list[Accepted]:
    """Return what was accepted, when the brokers have all of it."""
    sent, accepted = [], []
    for order in orders:
        if not order.idempotency_key:
            raise HTTPException(400, "an idempotency key is required")
        # Known before anything is stored, and the same for every retry.
        payment_id = uuid.uuid5(uuid.NAMESPACE_URL, order.idempotency_key)
        command = json.dumps({"payment_id": str(payment_id), **order.model_dump(mode="json")})
        sent.append(await producer.send(COMMANDS, command.encode(), key=order.idempotency_key.encode()))
        accepted.append(Accepted(id=payment_id))
    await asyncio.gather(*sent)
    return accepted
