"""Leader/followers with a monitor: as many threads as the work has use for.

    Riders in a paceline take turns at the front.

One rider at a time leads: it polls all connections, queues what is ready, and then serves from
that queue itself.  Nothing is handed over, so a fast application runs at the speed of an event
loop.

The monitor looks on every millisecond, or every five while all that it sees runs.  Where a request
waits, or nobody polls, and every busy rider is blocked (on a database, a sleep, a socket), it sends
another to the front: it wakes a parked one, or starts one, up to the limit.  Where a busy rider
runs, another would only fight it for the GIL, so none is sent.  A rider that finds nothing to
serve, and somebody leading, parks.  So the number of threads follows the work: one for work that is
CPU alone, many for work that waits, with nothing to tune.

    leading ──▶ serving ──▶ leading …        while it lasts
       ▲            └─────▶ parked           when somebody else leads
       └── monitor ────────────┘             when the busy ones are blocked

A slow client holds no rider: heads, bodies and what is left of an answer go through the poller,
which hands a conversation over only where something can be done with it.  What an application has
given and its client not taken the leader sends on, while the rider goes on with the application.

Who owns a conversation.  The leader alone turns one from free to owned, so two riders never have
the same; its rider alone makes it free again.  The registration with the poller stays while a
conversation is owned, which saves a system call a request; should bytes come meanwhile, the
leader takes the registration away and the rider renews it, both under a lock that a common request
never takes.  Each sets its own flag before it looks at the other's, so one of them always sees.

Schmidt et al., "Leader/Followers", POSA 2, 2000, has the pattern; the monitor is this server's.
"""

import contextlib
import logging
import queue
import threading
import time
from collections import deque

from paceline.concurrency.activity import IDLE, LEADING, Activity, Doing
from paceline.concurrency.base import DRAIN, HEARTBEAT, Model
from paceline.concurrency.monitor import Monitor
from paceline.concurrency.poller import make_poller
from paceline.concurrency.rider import Rider
from paceline.conversation import READ, WRITE, Conversation
from paceline.observe.observation import Crowd
from paceline.sender import Sender
from paceline.service import Service
from paceline.transport import Listener

log = logging.getLogger("paceline.error")

MAX_THREADS = 64  # where --threads was not given: what waits costs a stack, no more
DOZE_AFTER = 0.01  # seconds without work, after which it waits to be called
RESTLESS = 0.05  # seconds between two polls while draining, or while there is no room
RETRY = 1.0  # seconds until a thread is asked for again that the system refused
ACCEPTS_IN_A_ROW = 64


class Adaptive(Model):
    """See the module."""

    def __init__(self, listeners: list[Listener], service: Service) -> None:
        super().__init__(listeners, service)
        service.hold = service.limits.answer_buffered
        service.kept = self._watch
        service.closing = self._forget
        service.beat = service.heartbeat  # a rider that waits for its client makes progress
        self._limit = service.max_threads or MAX_THREADS
        self._poller = make_poller()
        self._conversations: dict[int, Conversation] = {}
        self._ready: deque[Conversation] = deque()
        self._leading = threading.Lock()  # held by the leader
        self._registering = threading.Lock()
        self._polling = False
        self._riders: list[Rider] = []
        self._parked: deque[Rider] = deque()
        self._start_after = 0.0  # when the system refused a thread, it is asked again later
        self._monitor = Monitor()
        self._call: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._dozing = False
        # Whether the queue is older than a tick: who came since would be behind those who come now.
        self._overdue = False
        self._accepting: dict[int, Listener] = {}
        self._waiting_for_room = False
        self._next_sweep = 0.0
        self._drained_by = 0.0
        self._finished = False

    # --- the monitor, which is the main thread ------------------------------------------------

    def run(self) -> None:
        """Serve until stopped, then until the last conversation is over."""
        self._poller.register(self._stopped, READ)
        self._open_listeners()
        self._start_rider()
        monitor = self._monitor
        now = quiet_since = time.monotonic()
        monitor.begin(now)
        while not self._finished:
            time.sleep(monitor.pause(now))
            now = time.monotonic()
            if not self._polling or self._ready:
                self._overdue = True
                if monitor.look(self._riders, now):
                    self._send_rider(now)
                quiet_since = now
            elif now - quiet_since > DOZE_AFTER:
                self._doze()
                quiet_since = time.monotonic()
        while self._parked:
            self._parked.pop().wake.release()

    def _doze(self) -> None:
        self._dozing = True
        if self._polling and not self._ready:  # still so, now that a leader would call
            with contextlib.suppress(queue.Empty):
                self._call.get(timeout=HEARTBEAT)
        self._dozing = False

    def _send_rider(self, now: float) -> None:
        try:
            self._parked.pop().wake.release()
        except IndexError:
            if len(self._riders) < self._limit and now >= self._start_after:
                self._start_rider()
            else:
                # All riders wait for something else than this server, and none can be added.  That
                # takes as long as it takes; to end the worker would only take their requests along.
                self.service.heartbeat()

    def _start_rider(self) -> None:
        """Start one more; the monitor alone does."""
        name = f"rider-{len(self._riders) + 1}"
        started = threading.Event()
        rider = threading.Thread(target=self._ride, name=name, args=(started,), daemon=True)
        try:
            rider.start()
        except RuntimeError as error:  # a limit of the system, such as a container's
            if not self._riders:
                raise
            log.error("No more than %d threads for now: %s", len(self._riders), error)
            self._start_after = time.monotonic() + RETRY
            return
        started.wait()

    # --- a rider ----------------------------------------------------------------------------------

    def _ride(self, started: threading.Event) -> None:
        me = Rider()
        self._riders.append(me)
        started.set()
        ready, parked, monitor = self._ready, self._parked, self._monitor
        while not self._finished:
            if self._overdue:
                self._overdue = False
                self._lead(at_once=True)
            try:
                conversation = ready.popleft()
            except IndexError:
                if not self._lead():
                    parked.append(me)
                    me.wake.acquire()
                continue
            if monitor.blocking and parked:
                # This request will wait too: let somebody poll meanwhile.
                with contextlib.suppress(IndexError):
                    parked.pop().wake.release()
            me.turn += 1
            me.conversation = conversation
            self._serve(conversation)
            me.conversation = None

    def _serve(self, conversation: Conversation) -> None:
        try:
            exchange = conversation.step()
            while exchange is not None:
                self.serve(exchange)
                exchange = conversation.finish()
            if conversation.deadline < conversation.ready_at and not conversation.closed:
                conversation.expire()
        except Exception:
            self.drop(conversation)
        if not conversation.closed:
            conversation.owned = False
            if conversation.armed != conversation.interest:
                with self._registering:
                    self._arm(conversation)

    # --- for those who look on --------------------------------------------------------------------

    def activity(self) -> Activity:
        """See the base."""
        parked = self._parked.copy()
        return Activity(
            [self._doing(rider, parked) for rider in list(self._riders)],
            self._limit,
            connections=len(self._conversations),
            queue=len(self._ready),
        )

    def _crowd(self) -> Crowd:
        """See the base; asked for each request that is observed, so without all the rest."""
        busy = [rider for rider in self._riders if rider.conversation is not None]
        return Crowd(len(busy), len(self._riders) - len(busy), len(self._ready))

    def _doing(self, rider: Rider, parked: deque[Rider]) -> Doing:
        doing = rider.doing()
        if doing.state == IDLE and rider not in parked and self._leading.locked():
            return Doing(rider.name, rider.native_id, LEADING)
        return doing

    # --- the leader -------------------------------------------------------------------------------

    def _lead(self, at_once: bool = False) -> bool:
        """Go to the front, unless somebody is there; tell whether it was free.

        With ``at_once``, only to see who has come.
        """
        if not self._leading.acquire(blocking=False):
            return False
        try:
            self._poll(at_once)
        except Exception:
            # Others may lead on; where none can, no sign of life is given any more.
            log.exception("The poll failed")
            time.sleep(RESTLESS)
        finally:
            self._leading.release()
        return True

    def _poll(self, at_once: bool) -> None:
        restless = self.stopping or self._waiting_for_room
        self._polling = True
        events = self._poller.poll(0 if at_once else RESTLESS if restless else HEARTBEAT)
        self._polling = False
        now = time.monotonic()
        conversations, ready = self._conversations, self._ready
        for descriptor, _ in events:
            conversation = conversations.get(descriptor)
            if conversation is None:
                self._attend(descriptor)
            elif conversation.owned:
                # One in the queue is still readable: no trouble to a poll that does not wait.
                if not at_once or conversation.armed == WRITE:
                    self._meanwhile(conversation, descriptor)
            else:
                conversation.owned = True
                conversation.ready_at = now
                ready.append(conversation)
        if self._dozing:
            self._dozing = False
            self._call.put(None)
        if now >= self._next_sweep:
            self._sweep(now)

    def _attend(self, descriptor: int) -> None:
        """Take in connections; or notice that the worker is to stop."""
        if descriptor == self._stopped:
            self._poller.unregister(descriptor)
            self._next_sweep = 0.0
            return
        listener = self._accepting.get(descriptor)
        if listener is None:
            return
        for _ in range(ACCEPTS_IN_A_ROW):
            if len(self._conversations) >= self.service.max_connections:
                self._close_listeners()
                self._waiting_for_room = True
                self._next_sweep = 0.0
                return
            conversation = self.accept(listener)
            if conversation is None:
                return
            self._take_in(conversation)

    def _take_in(self, conversation: Conversation) -> None:
        with self._registering:
            self._conversations[conversation.fileno()] = conversation
            self._arm(conversation)

    def _sweep(self, now: float) -> None:
        """About once a second: give a sign of life, and see whose time is up."""
        self.service.heartbeat()
        self._next_sweep = now + (RESTLESS if self._waiting_for_room else HEARTBEAT)
        if self.stopping:
            self._drain(now)
        elif self._waiting_for_room and len(self._conversations) < self.service.max_connections:
            self._waiting_for_room = False
            self._open_listeners()
        for conversation in list(self._conversations.values()):
            if conversation.deadline < now and not conversation.owned:
                conversation.owned = True
                conversation.ready_at = now
                self._ready.append(conversation)  # its rider finds it expired

    def _drain(self, now: float) -> None:
        if not self._drained_by:
            self._close_listeners()
            for conversation in self.last_connections():
                self._take_in(conversation)
            self._drained_by = now + DRAIN
        self._next_sweep = now + RESTLESS
        for conversation in list(self._conversations.values()):
            if not conversation.owned and conversation.idle:
                conversation.deadline = min(conversation.deadline, self._drained_by)
        self._finished = not self._conversations

    def _open_listeners(self) -> None:
        for listener in self.listeners:
            descriptor = listener.socket.fileno()
            self._accepting[descriptor] = listener
            self._poller.register(descriptor, READ)

    def _close_listeners(self) -> None:
        for descriptor in self._accepting:
            self._poller.unregister(descriptor)
        self._accepting.clear()

    # --- what is registered with the poller -------------------------------------------------------

    def _arm(self, conversation: Conversation) -> None:
        """Hear of a free conversation what it waits for; ``_registering`` is held."""
        interest = conversation.interest
        if conversation.owned or conversation.closed or conversation.armed == interest:
            return  # the leader came to it first, or gave it to another rider
        self._register(conversation, interest)

    def _register(self, conversation: Conversation, mask: int) -> None:
        if conversation.armed:
            self._poller.modify(conversation.fileno(), mask)
        else:
            self._poller.register(conversation.fileno(), mask)
        conversation.armed = mask

    def _watch(self, sender: Sender) -> None:
        """Hear when the client of a busy rider can take more of what it was sent."""
        assert isinstance(sender, Conversation)
        with self._registering:
            if not sender.closed and sender.armed != WRITE:
                self._register(sender, WRITE)

    def _meanwhile(self, conversation: Conversation, descriptor: int) -> None:
        """Attend to a conversation whose rider is busy: send on, or hear nothing of it."""
        if conversation.armed != WRITE or not conversation.send_on():
            self._mute(conversation, descriptor)

    def _mute(self, conversation: Conversation, descriptor: int) -> None:
        """Hear nothing of a conversation as long as its rider has it."""
        with self._registering:
            if conversation.closed or not conversation.armed:
                return
            if conversation.armed == WRITE and conversation.keeps:
                return  # its rider has sent more, just now
            self._poller.unregister(descriptor)
            conversation.armed = 0
            self._arm(conversation)  # its rider may have let it go in this moment

    def _forget(self, conversation: Conversation) -> None:
        """Before a conversation closes: afterwards its descriptor may be another's."""
        with self._registering:
            descriptor = conversation.fileno()
            if self._conversations.get(descriptor) is not conversation:
                return
            del self._conversations[descriptor]
            if conversation.armed:
                # A failed TLS handshake has closed the socket already, and so unregistered it.
                with contextlib.suppress(OSError):
                    self._poller.unregister(descriptor)
                conversation.armed = 0
