"""One DuckDB file, one writer thread, readers on cursors.

A durable commit costs DuckDB about a millisecond, however few rows it holds, most of it set-up that no setting removes.
So whatever is queued while one commit is under way becomes the next one (group commit); waiting on a timer instead was
slower at every load. Rows are appended through the Appender: `executemany` runs a statement a row.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import re
import shlex
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Self, TypeVar

import duckdb

from builder_jupyter.errors import Unavailable
from builder_jupyter.storage.lock import OwnerLock, locked_error
from builder_jupyter.storage.schema import migrate

log = logging.getLogger(__name__)

T = TypeVar("T")
Row = tuple[Any, ...]

DATABASE = "builder.duckdb"
ARTEFACTS = "artefacts"
SCRATCH = "scratch"
MIGRATIONS_TABLE = "schema_migrations"
MAX_BATCH_ROWS = 5_000
MAX_QUEUED_ROWS = 50_000
CHECKPOINT_AFTER_ROWS = 20_000
DAMAGED_LOG = re.compile(r"Corrupt WAL file: entry at byte position (\d+)")


@dataclass(slots=True)
class _Append:
    table: str
    rows: Sequence[Row]
    done: asyncio.Future[None]


@dataclass(slots=True)
class _Job:
    """Work on the writer's connection, in a transaction of its own."""

    work: Callable[[duckdb.DuckDBPyConnection], Any]
    done: Future[Any]


class Database:
    """The open database. `close` it; it is also a context manager.

    Parameters
    ----------
    directory : where the file, its lock and artefacts lie; None keeps everything in memory.
    on_commit : told in the writer's thread how many seconds each commit of appended rows took.

    Raises
    ------
    StoreLocked : another process owns the directory.
    Unavailable : the file cannot be opened or is not a database.
    """

    def __init__(
        self, directory: Path | None = None, *, on_commit: Callable[[float], None] = lambda _seconds: None
    ) -> None:
        self.directory = directory
        self._on_commit = on_commit
        self.failure: str | None = None
        self.lock: OwnerLock | None = None
        self._queue: queue.SimpleQueue[_Append | _Job | None] = queue.SimpleQueue()
        self._gathered: dict[asyncio.AbstractEventLoop, list[_Append]] = {}
        # Two counters, each written by one thread: `+=` from two threads on one number loses counts.
        self._rows_in = 0
        self._rows_out = 0
        self._closed = False
        self._since_checkpoint = 0
        self._connection = self._open(directory)
        self._appenders: dict[str, Any] = {}
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="builder-reader")
        self._local = threading.local()
        self._writer = threading.Thread(target=self._write, name="builder-writer", daemon=True)
        self._writer.start()

    def _open(self, directory: Path | None) -> duckdb.DuckDBPyConnection:
        if directory is None:
            connection = duckdb.connect(":memory:")
        else:
            try:
                directory.mkdir(parents=True, exist_ok=True, mode=0o700)
                self.lock = OwnerLock(directory)
                shutil.rmtree(directory / SCRATCH, ignore_errors=True)  # what a process left that was killed
                connection = duckdb.connect(str(directory / DATABASE))
            except (duckdb.Error, OSError) as error:
                raise self._unopened(directory, error) from error
        try:
            # The writer makes checkpoints in quiet moments: an automatic one stalls a busy commit 100 ms and more.
            connection.execute("SET checkpoint_threshold = '512MB'")
            migrate(connection, None if directory is None else directory / DATABASE)
        except duckdb.Error as error:
            connection.close()
            raise self._unopened(directory, error) from error
        except Unavailable:
            connection.close()
            if self.lock is not None:
                self.lock.release()
            raise
        return connection

    def _unopened(self, directory: Path | None, error: Exception) -> Unavailable:
        """Give the directory up and say why it could not be used."""
        if self.lock is not None:
            self.lock.release()
        if directory is not None and "Could not set lock" in str(error):
            return locked_error(directory)
        hint = "Restore a backup, or choose another BuilderApp.data_dir."
        if directory is not None and (damage := DAMAGED_LOG.search(str(error))):
            # A log that merely ends too early is opened as far as it is whole. Here something stands where an entry
            # should be, and whether it was ever acknowledged only its owner can judge: nothing is cut unasked.
            log_file = shlex.quote(str(directory / "builder.duckdb.wal"))
            hint = (
                f"Copy the folder, then restore a backup, or keep what was written before the damage: "
                f"truncate -s {damage[1]} {log_file}"
            )
        return Unavailable(
            f"The workflow database in {directory or 'memory'} cannot be opened: {error}",
            code="STORE_UNREADABLE",
            hint=hint,
        )

    # -- writing -----------------------------------------------------------------------------------------------

    def append(self, table: str, rows: Sequence[Row]) -> asyncio.Future[None]:
        """Queue rows for appending; the future (of the running loop) is done when they are on disk.

        What a turn of the loop appends is handed over at the end of the turn, in one piece: a writer that woke at the
        first row would commit that one alone, and take the interpreter's lock from the loop several times over.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        if self._closed or self.failure is not None:
            done.set_exception(self._failed())
            return done
        self._rows_in += len(rows)
        gathered = self._gathered.get(loop)
        if gathered is None:
            gathered = self._gathered[loop] = []
            loop.call_soon(self._hand_over, loop)
        gathered.append(_Append(table, rows, done))
        return done

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        for item in self._gathered.pop(loop, ()):
            self._queue.put(item)

    @property
    def queued_rows(self) -> int:
        """How many appended rows are not on disk yet."""
        return self._rows_in - self._rows_out

    async def room(self) -> None:
        """Wait, when more than `MAX_QUEUED_ROWS` rows are queued, until those are on disk."""
        if self.queued_rows > MAX_QUEUED_ROWS:
            with contextlib.suppress(Unavailable):
                await self.append("events", [])

    async def write(self, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Run ``work`` on the writer's connection in one transaction; nothing of it stays if it raises."""
        if self._closed or self.failure is not None:
            raise self._failed()
        done: Future[T] = Future()
        self._hand_over(asyncio.get_running_loop())
        self._queue.put(_Job(work, done))
        return await asyncio.wrap_future(done)

    def _failed(self) -> Unavailable:
        if self.failure is None:
            return Unavailable("The workflow database is closed.", code="STORE_CLOSED")
        return Unavailable(
            f"The workflow database no longer takes writes: {self.failure}",
            code="STORE_FAILED",
            hint="Free disk space or repair the disk, then restart the server; what was acknowledged is safe.",
        )

    def _write(self) -> None:
        """Serve the queue until it is closed. Runs in the writer thread, which alone uses the connection."""
        held: _Append | _Job | None = None
        while True:
            item = held if held is not None else self._next()
            held = None
            if item is None:
                return
            if isinstance(item, _Job):
                self._perform(item)
                continue
            batch, rows = [item], len(item.rows)
            while rows < MAX_BATCH_ROWS and not self._queue.empty():
                following = self._queue.get()
                if not isinstance(following, _Append) or following.table != item.table:
                    if following is None:
                        self._queue.put(None)
                    held = following
                    break
                batch.append(following)
                rows += len(following.rows)
            self._commit(batch)
            self._rows_out += rows
            self._since_checkpoint += rows

    def _next(self) -> _Append | _Job | None:
        if self._since_checkpoint < CHECKPOINT_AFTER_ROWS:
            return self._queue.get()
        try:
            return self._queue.get(timeout=0.25)
        except queue.Empty:
            self._since_checkpoint = 0
            try:
                self._connection.execute("CHECKPOINT")
            except duckdb.Error as error:
                log.warning("checkpoint put off: %s", error)
            return self._queue.get()

    def _commit(self, batch: list[_Append]) -> None:
        error: Unavailable | None = None
        if self.failure is None:
            begun = time.perf_counter()
            try:
                appender = self._appender(batch[0].table)
                for item in batch:
                    appender.append_rows(item.rows)
                appender.flush()
            except Exception as fault:  # noqa: BLE001 - whatever it is, the writer must live on to say so
                self._fail(fault)
            else:
                self._on_commit(time.perf_counter() - begun)
        if self.failure is not None:
            error = self._failed()
        by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
        for item in batch:
            by_loop.setdefault(item.done.get_loop(), []).append(item.done)
        for loop, futures in by_loop.items():
            with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
                loop.call_soon_threadsafe(_finish, futures, error)

    def _appender(self, table: str) -> Any:
        """Return the table's appender. It holds rows in memory; a flush is one statement, so a transaction of its own.

        Making one anew and saying begin and commit costs half as much again as the commit itself.
        """
        appender = self._appenders.get(table)
        if appender is None:
            appender = self._appenders[table] = self._connection.appender(table)
        return appender

    def _perform(self, job: _Job) -> None:
        """Do a job. What its work raises is its own; when its transaction cannot begin or end, the store has failed."""
        if not job.done.set_running_or_notify_cancel():
            return
        try:
            value = self._in_transaction(job.work)
        except BaseException as error:  # noqa: BLE001 - handed to the caller, who awaits it
            job.done.set_exception(error)
        else:
            job.done.set_result(value)

    def _in_transaction(self, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        if self.failure is not None:
            raise self._failed()
        try:
            self._connection.begin()
        except duckdb.Error as fault:
            self._fail(fault)
            raise self._failed() from fault
        try:
            value = work(self._connection)
        except BaseException:
            self._roll_back()
            raise
        try:
            self._connection.commit()
        except duckdb.Error as fault:
            self._fail(fault)
            raise self._failed() from fault
        return value

    def _fail(self, fault: Exception) -> None:
        self.failure = str(fault) or type(fault).__name__
        for appender in self._appenders.values():
            appender.clear()
        self._roll_back()

    def _roll_back(self) -> None:
        with contextlib.suppress(duckdb.Error):  # there may be no transaction left
            self._connection.rollback()

    # -- reading -----------------------------------------------------------------------------------------------

    async def read(self, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Run a query in a reader thread on a cursor of its own; never waits for writes."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._on_cursor, work)

    def _on_cursor(self, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        cursor: duckdb.DuckDBPyConnection | None = getattr(self._local, "cursor", None)
        if cursor is None:
            cursor = self._local.cursor = self._connection.cursor()
        return work(cursor)

    # -- closing -----------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Write what is queued, close the file, give up the lock. Idempotent."""
        self._closed = True
        for loop in list(self._gathered):
            self._hand_over(loop)
        if self._writer.is_alive():
            self._queue.put(None)
            self._writer.join()
            self._readers.shutdown()
            self._connection.close()
        if self.lock is not None:
            self.lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def _finish(futures: list[asyncio.Future[None]], error: Unavailable | None) -> None:
    for future in futures:
        if not future.done():
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)


def naive_utc(moment: datetime) -> datetime:
    """Return a time as the TIMESTAMP columns hold it."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def aware_utc(stored: datetime) -> datetime:
    """Return the time that a TIMESTAMP column holds."""
    return stored.replace(tzinfo=UTC)


@cache
def queries(name: str) -> dict[str, str]:
    """Return the named blocks of ``queries/<name>.sql``: a block begins with ``-- name: what it is for``."""
    text = (resources.files(__package__) / "queries" / f"{name}.sql").read_text(encoding="utf-8")
    parts = re.split(r"^-- (\w+):.*\n", text, flags=re.MULTILINE)
    return {parts[i]: parts[i + 1].strip() for i in range(1, len(parts), 2)}
