"""All endpoints' lanes: a task each, for as long as it has something to do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from webhooks.lane import Desk, Lane


class Lanes:
    """Lanes come when their endpoint is woken, and go when nothing is due to it. `failed` has what ended one."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lanes: dict[str, Lane] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._is_stopping = False
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def endpoint_ids(self) -> list[str]:
        """The endpoints that something is due to, now or later."""
        return list(self._lanes)

    def wake(self, endpoint_ids: Iterable[str]) -> None:
        """Something is due to these endpoints, or was."""
        for endpoint_id in endpoint_ids:
            lane = self._lanes.get(endpoint_id)
            if lane is not None:
                lane.wake()
            elif not self._is_stopping:
                self._open(endpoint_id)

    def changed(self, endpoint_id: str) -> None:
        """An endpoint is another than it was: whoever delivers to it has to know."""
        lane = self._lanes.get(endpoint_id)
        if lane is not None:
            lane.changed()

    async def stop(self, grace_s: float) -> None:
        """Begin nothing more, and end when what is in flight is done, or after `grace_s`."""
        self._is_stopping = True
        tasks = list(self._tasks.values())
        for lane in self._lanes.values():
            lane.stop()
        if tasks:
            await asyncio.wait(tasks, timeout=grace_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _open(self, endpoint_id: str) -> None:
        lane = Lane(endpoint_id, self._desk)
        task = asyncio.create_task(lane.work(), name=f"lane-{endpoint_id}")
        self._lanes[endpoint_id], self._tasks[endpoint_id] = lane, task
        task.add_done_callback(lambda _: self._ended(endpoint_id, lane, task))

    def _ended(self, endpoint_id: str, lane: Lane, task: asyncio.Task[None]) -> None:
        del self._lanes[endpoint_id], self._tasks[endpoint_id]
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            if not self.failed.done():
                self.failed.set_exception(error)
        elif lane.is_woken:
            # In the moment in which it found nothing to do.
            self.wake([endpoint_id])
