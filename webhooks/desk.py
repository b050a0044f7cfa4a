"""What lanes work with: the endpoints, the state, the network and the log."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import structlog

from business_clock import Clock
from directory.sealing import CannotOpen
from directory.webhook_endpoint import DisabledReason
from schemas.deliveries import Outcome, message_id_of
from webhooks import metrics
from webhooks.attempts import Attempted, judged
from webhooks.disabling import Disabler
from webhooks.endpoints import Endpoints, Standing
from webhooks.message import signed_headers
from webhooks.pending import Due
from webhooks.post import Answer, Poster
from webhooks.recorder import Made, Recorder
from webhooks.retries import SECOND_US, Schedule
from webhooks.store import Store

log = structlog.get_logger(__name__)

FORGET_AT_ONCE_MAX = 1000  # Others wait for the state meanwhile.


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryDesk:
    """`webhooks.lane.Desk` as it is: works on the partitions that are `live`. An endpoint that fails for
    `disable_after_s` is disabled."""

    endpoints: Endpoints
    store: Store
    poster: Poster
    recorder: Recorder
    disabler: Disabler
    schedule: Schedule
    clock: Clock
    live: Collection[int]
    disable_after_s: float

    def now_us(self) -> int:
        return self.clock.system_us()

    def standing(self, endpoint_id: str) -> Standing:
        return self.endpoints.standing(endpoint_id)

    def is_live(self, partition: int) -> bool:
        return partition in self.live

    async def due(self, endpoint_id: str, most: int, *, until_us: int) -> list[Due]:
        live = sorted(self.live)
        return await self.store.do(lambda pending: pending.due(endpoint_id, live, until_us=until_us, most=most))

    async def next_at_us(self, endpoint_id: str, *, after_us: int) -> int | None:
        live = sorted(self.live)
        return await self.store.do(lambda pending: pending.next_at_us(endpoint_id, live, after_us=after_us))

    async def attempt(self, due: Due) -> Attempted:
        began_us = self.now_us()
        answer = await self._answer(due, began_us)
        attempted = judged(due, answer, self.schedule, began_us=began_us, now_us=self.now_us())
        delivery = attempted.delivery
        say = log.debug if delivery.outcome is Outcome.DELIVERED else log.info
        say(
            "webhook_attempted",
            endpoint_id=due.endpoint_id,
            message_id=delivery.message_id,
            attempt=delivery.attempt,
            outcome=delivery.outcome.value,
            error=delivery.error,
        )
        return attempted

    async def record(self, made: Sequence[Made]) -> None:
        await self.recorder.record(made)

    async def fails_for_long(self, endpoint_id: str) -> bool:
        since_us = await self.store.do(lambda pending: pending.failing_since_us(endpoint_id))
        return since_us is not None and self.now_us() - since_us >= self.disable_after_s * SECOND_US

    async def disable(self, endpoint_id: str, reason: DisabledReason) -> None:
        await self.disabler.disable(endpoint_id, reason)

    async def begin_anew(self, endpoint_id: str) -> None:
        await self.store.do(lambda pending: pending.forget_failures(endpoint_id))

    async def forget(self, endpoint_id: str) -> None:
        live = sorted(self.live)
        while await self.store.do(lambda pending: pending.drop_endpoint(endpoint_id, live, most=FORGET_AT_ONCE_MAX)):
            pass

    async def _answer(self, due: Due, at_us: int) -> Answer:
        try:
            secrets = self.endpoints.secrets(due.endpoint_id, self.clock.now_us())
        except CannotOpen as error:
            log.error("webhook_secret_not_opened", endpoint_id=due.endpoint_id, error=str(error))
            return Answer(error="DirectPay cannot read the endpoint's secret")
        message_id = message_id_of(due.payment_id, due.sequence)
        headers = signed_headers(message_id, due.body, at_s=at_us // SECOND_US, secrets=secrets)
        answer = await self.poster.post(self.endpoints.endpoint(due.endpoint_id).url, due.body, headers)
        metrics.ANSWER_S.observe(answer.duration_ms / 1000)
        return answer
