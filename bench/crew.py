"""The workers of a contestant under faults: hit as planned, and started again like a supervisor does when they end."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from bench.broker import Broker
from bench.contestants import Contestant
from bench.fault_schedule import GUEST, WORKERS, Act, Fault
from bench.worker_process import WorkerProcess

LOOK_S = 0.2


class Crew:
    """Two workers, and a guest that comes and goes. `crashes` counts the ends that nobody asked for."""

    def __init__(self, broker: Broker, folder: Path, contestant: Contestant) -> None:
        self.crashes = 0
        self._workers = {
            name: contestant.worker(broker.bootstrap, folder, instance=name, breaks=True) for name in (*WORKERS, GUEST)
        }
        self._wanted: set[str] = set()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._minder = threading.Thread(target=self._mind, daemon=True)

    def __enter__(self) -> Crew:
        for name in WORKERS:
            self._start(name)
        for name in WORKERS:
            self._workers[name].wait_ready()
        self._minder.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._minder.join()
        for worker in self._workers.values():
            worker.kill()

    def hit(self, act: Act, fault: Fault, sleep: Callable[[float], None] = time.sleep) -> None:
        """Do what the plan says; returns when it is over."""
        worker = self._workers[fault.worker]
        match act:
            case Act.KILL:
                with self._lock:
                    worker.kill()
                    worker.start()
            case Act.TAKEOVER:
                with self._lock:
                    self._wanted.discard(fault.worker)
                    worker.kill()
                sleep(fault.lasts_s)
                self._start(fault.worker)
            case Act.PAUSE:
                worker.signal(signal.SIGSTOP)
                sleep(fault.lasts_s)
                worker.signal(signal.SIGCONT)
            case Act.REBALANCE:
                self._start(fault.worker)
                sleep(fault.lasts_s)
                self._stop(fault.worker)
            case Act.EXCEPTION:
                pass  # It is in the load.

    def restart(self) -> None:
        """Stop everybody in order and start them again: what is not decided after that never will be."""
        for name in WORKERS:
            self._stop(name)
        for name in WORKERS:
            self._start(name)

    def _start(self, name: str) -> None:
        with self._lock:
            self._workers[name].start()
            self._wanted.add(name)

    def _stop(self, name: str) -> None:
        with self._lock:
            self._wanted.discard(name)
        self._workers[name].stop()

    def _mind(self) -> None:
        while not self._ended.wait(LOOK_S):
            with self._lock:
                for name in self._wanted:
                    worker: WorkerProcess = self._workers[name]
                    if worker.has_ended:
                        self.crashes += 1
                        worker.start()
