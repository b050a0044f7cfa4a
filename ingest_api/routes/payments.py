"""Payments: ordered, read, listed, cancelled."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from directory.entities import Scope
from ingest_api.accepted import Accepted
from ingest_api.answers import json_answer, prefers_async, tagged_answer
from ingest_api.bodies import Fields, parse_object, read_body
from ingest_api.entity_tags import entity_tag, is_known
from ingest_api.idempotency import FIELD, required_key
from ingest_api.listing import QueryString
from ingest_api.parts import Parts
from ingest_api.payment_orders import PaymentAnswer, answer_of, payment_order, wait_of
from ingest_api.problems import Problem, problem_of_rejection
from ingest_api.references import payment_references, require_references
from ingest_api.refund_orders import AskedRefund, answer_of_refund, asked_refund
from ingest_api.refusals import NotFound, ViewsBehind
from ingest_api.representations import payment_accepted, refund_accepted
from payments.commands import CancelPayment
from payments.payment import Status
from payments.rails import RAILS
from payments.representation import payment_now, transition_shown
from projections.queries import Outcome, PaymentFilters, PaymentRow, Wait

PATH = "/api/v1/payments/"
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


def payment_routes(parts: Parts) -> list[Route]:
    """Return the routes of single payments (batches are in `routes.batch`)."""
    payments = Payments(parts)
    return [
        Route(PATH, payments.create, methods=["POST"]),
        Route(PATH, payments.list, methods=["GET"]),
        Route(PATH + "{payment_id}", payments.get, methods=["GET"]),
        Route(PATH + "{payment_id}/history", payments.history, methods=["GET"]),
        Route(PATH + "{payment_id}/cancel", payments.cancel, methods=["POST"]),
        Route(PATH + "{payment_id}/refunds", payments.refund, methods=["POST"]),
    ]


def location(payment_id: str) -> str:
    """Return where a payment's present state is read."""
    return f"{PATH}{payment_id}"


def row_body(row: PaymentRow) -> dict[str, Any]:
    """Return a payment as the views show it."""
    return payment_now(
        row.head,
        status=row.status,
        updated_at_us=row.updated_at_us,
        completed_at_us=row.completed_at_us,
        failure=row.failure,
        refunded_minor=row.refunded_minor,
    )


class Payments:
    """One payment at a time: POST promises what the log has acknowledged, GET shows what the views know."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def create(self, request: Request) -> Response:
        parts = self._parts
        caller = await parts.doorkeeper.caller(request, Scope.WRITE)
        members = parse_object(await read_body(request, bytes_max=parts.config.max_body_bytes))
        key = required_key(request, members)
        order = payment_order(members, key, tenant_id=caller.tenant_id, now_us=parts.now_us())
        await require_references(parts.directory, caller.tenant_id, payment_references(order))
        wait_s = 0 if prefers_async(request) else parts.config.outcome_wait_s
        with parts.outcomes.room(1 if wait_s else 0):
            await parts.commands.send(order, traceparent=request.headers.get("traceparent"))
            outcomes = await parts.outcomes.outcomes([wait_of(order)], wait_s)
        return self._answered(order, answer_of(order, outcomes.get(order.command_id)))

    async def get(self, request: Request) -> Response:
        caller = await self._parts.doorkeeper.caller(request, Scope.READ)
        found = await self._find(caller.tenant_id, _payment_id(request))
        if isinstance(found, Response):
            return found
        tag = entity_tag(found)
        if is_known(request, tag):
            return Response(status_code=304, headers={"ETag": tag})
        return json_answer(row_body(found), etag=tag)

    async def history(self, request: Request) -> Response:
        caller = await self._parts.doorkeeper.caller(request, Scope.READ)
        payment_id = _payment_id(request)
        history = await self._parts.queries.history(caller.tenant_id, payment_id)
        if history is None:
            found = await self._find(caller.tenant_id, payment_id)
            if isinstance(found, Response):
                return found
            history = await self._parts.queries.history(caller.tenant_id, payment_id)
        events = [] if history is None else [transition_shown(history.head, each) for each in history.transitions]
        return json_answer({"transaction_id": payment_id, "events": events})

    async def list(self, request: Request) -> Response:
        caller = await self._parts.doorkeeper.caller(request, Scope.READ)
        query = QueryString(request)
        status = query.choice("status", [status.value for status in Status])
        filters = PaymentFilters(
            status=Status(status) if status in set(Status) else None,
            lease_id=query.uuid("lease_id"),
            payer_account_id=query.uuid("payer_account_id"),
            payment_rail_type=query.choice("payment_rail_type", RAILS),
            idempotency_key=query.text("idempotency_key"),
            from_us=query.moment_us("from"),
            to_us=query.moment_us("to"),
        )
        limit, cursor = query.limit(), query.cursor()
        query.check()
        page = await self._parts.queries.payments(caller.tenant_id, filters, limit, cursor)
        return tagged_answer(request, {"items": [row_body(row) for row in page.items], "next_cursor": page.next_cursor})

    async def cancel(self, request: Request) -> Response:
        parts = self._parts
        caller = await parts.doorkeeper.caller(request, Scope.WRITE)
        payment_id = _payment_id(request)
        data = await read_body(request, bytes_max=parts.config.max_body_bytes)
        members = parse_object(data) if data.strip() else {}
        cancel_key = required_key(request, members)
        fields = Fields(members)
        fields.optional_text(FIELD)
        fields.refuse_others()
        fields.check()
        found = await self._find(caller.tenant_id, payment_id)
        if isinstance(found, Response):
            if found.status_code == 202:
                # The payment is not decided yet: a 202 here would promise its cancel, and none was sent.
                raise ViewsBehind("payment")
            return found
        order = CancelPayment(
            tenant_id=caller.tenant_id,
            idempotency_key=found.head.idempotency_key,
            cancel_key=cancel_key,
            requested_at_us=parts.now_us(),
        )
        wait = Wait(payment_id=payment_id, command_id=order.id, kind="cancel")
        earlier = (await parts.queries.outcomes([wait])).get(order.id)
        if earlier is not None:
            return _cancel_answer(earlier, replayed=True)
        wait_s = 0 if prefers_async(request) else parts.config.outcome_wait_s
        with parts.outcomes.room(1 if wait_s else 0):
            await parts.commands.send(order, traceparent=request.headers.get("traceparent"))
            outcome = (await parts.outcomes.outcomes([wait], wait_s)).get(order.id)
        if outcome is None:
            return json_answer(row_body(found), status=202, location=location(payment_id))
        return _cancel_answer(outcome, replayed=False)

    async def refund(self, request: Request) -> Response:
        parts = self._parts
        caller = await parts.doorkeeper.caller(request, Scope.WRITE)
        data = await read_body(request, bytes_max=parts.config.max_body_bytes)
        members = parse_object(data) if data.strip() else {}
        refund_key = required_key(request, members)
        found = await self._find(caller.tenant_id, _payment_id(request))
        if isinstance(found, Response):
            if found.status_code == 202:
                # The payment is not decided yet: a 202 here would promise its refund.
                raise ViewsBehind("payment")
            return found
        asked = asked_refund(members, refund_key, original=found.head, now_us=parts.now_us())
        wait_s = 0 if prefers_async(request) else parts.config.outcome_wait_s
        with parts.outcomes.room(1 if wait_s else 0):
            await parts.commands.send(asked.order, traceparent=request.headers.get("traceparent"))
            outcomes = await parts.outcomes.outcomes([wait_of(asked)], wait_s)
        return self._answered(asked, answer_of_refund(asked, outcomes.get(asked.command_id)))

    def _answered(self, order: Accepted, answer: PaymentAnswer | Problem) -> Response:
        if isinstance(answer, Problem):
            return answer.response()
        if answer.status == 202:
            self._parts.accepted.remember(order)
        place = location(order.payment_id)
        return json_answer(answer.payment, status=answer.status, location=place, replayed=answer.replayed)

    async def _find(self, tenant_id: str, payment_id: str) -> PaymentRow | Response:
        """Return the payment, or what to answer instead: its refusal, "not known yet" (202), or raise NotFound.

        What this process accepted a moment ago is waited for, since the views may be that much behind.
        """
        parts = self._parts
        row = await parts.queries.payment(tenant_id, payment_id)
        accepted = parts.accepted.get(tenant_id, payment_id)
        if row is None and accepted is not None:
            with parts.outcomes.room(1):
                outcomes = await parts.outcomes.outcomes([wait_of(accepted)], parts.config.outcome_wait_s)
            if accepted.command_id not in outcomes:
                return json_answer(_accepted(accepted), status=202, location=location(payment_id))
            row = await parts.queries.payment(tenant_id, payment_id)
        if accepted is not None:
            parts.accepted.forget(payment_id)
        if row is not None:
            return row
        rejection = await parts.queries.rejection(tenant_id, payment_id)
        if rejection is None:
            raise NotFound("payment")
        return problem_of_rejection(rejection.reason, rejection.detail, rejection.errors).response()


def _accepted(order: Accepted) -> dict[str, Any]:
    return refund_accepted(order.order, order.original) if isinstance(order, AskedRefund) else payment_accepted(order)


def _cancel_answer(outcome: Outcome, *, replayed: bool) -> Response:
    if outcome.payment is not None:
        place = location(outcome.payment.head.payment_id)
        return json_answer(row_body(outcome.payment), location=place, replayed=replayed)
    assert outcome.rejection is not None, "an outcome is a payment or a rejection"
    rejection = outcome.rejection
    return problem_of_rejection(rejection.reason, rejection.detail, rejection.errors).response()


def _payment_id(request: Request) -> str:
    text = str(request.path_params["payment_id"]).lower()
    if not _UUID.fullmatch(text):
        raise NotFound("payment")
    return text
