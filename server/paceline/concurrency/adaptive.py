"""Leader/followers with a monitor: as many threads as the work has use for.

    Riders in a paceline take turns at the front.

One rider at a time leads: it polls all connections, queues what is ready, and then serves from
that queue itself.  Nothing is handed over, so a fast application runs at the speed of an event
loop.

The monitor, which is the main thread, looks at the riders every millisecond or so.  Where a request
waits, or nobody polls, and every busy rider is blocked (on a database, a sleep, a socket), it sends
another to the front: it wakes a parked one, or starts one, up to the limit.  Where a busy rider
runs, it sends none, since a second thread would only compete with it for the GIL.  A rider that
finds nothing to serve, and another one leading, parks.  So the number of threads follows the work:
one where requests only compute, many where they wait, with nothing to tune.

    leading ──▶ serving ──▶ leading …        while it lasts
       ▲            └─────▶ parked           when somebody else leads
       └── monitor ────────────┘             when the busy ones are blocked

A slow client holds no rider: a conversation is queued only when bytes can be read or written.  What
a client has not taken yet of an answer the leader sends on, while the rider that makes the answer
goes on with the application.

Who owns a conversation.  Only the leader turns one from free to owned, so two riders never have the
same one; only its rider makes it free again.

Schmidt et al., "Leader/Followers", POSA 2, 2000, has the pattern; the monitor is this server's.
"""

import logging
import queue
import threading
import time
from collections import deque

from paceline.concurrency.acceptor import RESTLESS, Acceptor
from paceline.concurrency.activity import IDLE, LEADING, Activity, Doing
from paceline.concurrency.base import HEARTBEAT, Model
from paceline.concurrency.memory import give_back
from paceline.concurrency.monitor import Monitor
from paceline.concurrency.poller import make_poller
from paceline.concurrency.rider import Rider
from paceline.concurrency.riders import Riders
from paceline.concurrency.turns import Turns
from paceline.concurrency.watch import Watch
from paceline.conversation import Conversation
from paceline.ending import READ, WRITE
from paceline.health import CheckedConversation
from paceline.observe.observation import Crowd
from paceline.service import Service
from paceline.transport import Listener

log = logging.getLogger("paceline.error")

MAX_THREADS = 64  # where --threads was not given: what waits costs a stack, no more
STALE = 0.0005  # seconds between two polls, while one is served that takes many turns (turns.py)
DOZE_AFTER = 0.01  # seconds without work, after which the monitor sleeps until it is called
TRIM = 10.0  # seconds at least between two times that memory is given back


class Adaptive(Model):
    """See the module."""

    def __init__(self, listeners: list[Listener], service: Service) -> None:
        super().__init__(listeners, service)
        service.hold = service.limits.answer_buffered
        self._poller = make_poller()
        self._watch = Watch(self._poller)
        service.kept = self._watch.watch_writable
        service.closing = self._watch.remove
        service.beat = service.heartbeat  # a rider that waits for its client makes progress
        self._riders = Riders(service.max_threads or MAX_THREADS, self._ride)
        self._conversations = self._watch.conversations
        self._turns = Turns()
        self._ready = self._turns.ready
        self._admit = self._preview if service.health_path else self._ready.append
        self._leading = threading.Lock()  # held by the leader
        self._polling = False
        self._called = False  # whether a rider has woken another, which is on its way to the front
        self._served = 0  # turns of all riders, when memory was last given back
        self._trim = 0.0  # when that may be done again
        self._monitor = Monitor()
        self._call: queue.SimpleQueue[None] = queue.SimpleQueue()  # wakes a dozing monitor
        self._dozing = False
        # Whether to poll before the next conversation is served, so that clients that have sent
        # something since the last poll are queued in the order in which they did.
        self._overdue = False
        self._overdue_at = 0.0  # when it becomes so between two of many turns
        self._acceptor = Acceptor(self, self._poller, self._watch)
        self._disk = service.disk
        self._disk.piecemeal = True

    # --- the monitor, which is the main thread ------------------------------------------------

    def run(self) -> None:
        """Serve until stopped, then until the last conversation is over."""
        self._poller.register(self._stopped, READ)
        monitor, riders, acceptor = self._monitor, self._riders, self._acceptor
        acceptor.tell()
        acceptor.listen()
        riders.start()
        now = quiet_since = time.monotonic()
        monitor.begin(now)
        while not acceptor.finished:
            time.sleep(monitor.pause(now, riders.exhausted or bool(riders.parked)))
            now = time.monotonic()
            riders.dismiss_unneeded(now)
            if not self._polling or self._turns:
                self._intervene(now)
                quiet_since = now
                continue
            self.service.short_of_threads = False
            riders.made_progress(now)
            if now - quiet_since > DOZE_AFTER:
                self._doze()
                quiet_since = time.monotonic()
        riders.wake_all()
        while self._disk.free_piece():
            pass

    def _intervene(self, now: float) -> None:
        """Nobody polls, or a request waits: see whether another rider is needed."""
        riders, service = self._riders, self.service
        self._overdue = True
        led = self._leading.locked() and not self._polling
        if self._monitor.look(riders.all, now, led) and not riders.send_one(now):
            # All riders wait for something outside this server, and none can be added.  That takes
            # as long as it takes: if the supervisor ended this worker for it, their requests would
            # be lost.
            service.heartbeat()
        service.short_of_threads = riders.starved(now)
        if service.health_path and not self._polling:
            self._lead(at_once=True)  # answers health checks, even when all riders are blocked

    def _doze(self) -> None:
        """Sleep until a leader has queued something, for HEARTBEAT at most."""
        self._dozing = True
        # Asked again: a leader that polled before ``_dozing`` was set has called nobody.
        if self._polling and not self._turns:
            try:
                self._call.get(timeout=HEARTBEAT)
            except queue.Empty:
                self._rest(time.monotonic())
        self._dozing = False

    def _rest(self, now: float) -> None:
        """Give memory back to the system, if requests were served since the last time."""
        if self._served != (served := self._riders.turns) and now > self._trim:
            self._served, self._trim = served, now + TRIM
            give_back()

    # --- a rider ----------------------------------------------------------------------------------

    def _ride(self, me: Rider) -> None:
        """Serve from the queue, poll when it is empty, park when another rider polls."""
        parked, monitor, acceptor = self._riders.parked, self._monitor, self._acceptor
        turns, ready = self._turns, self._ready
        while not acceptor.finished:
            while self._overdue:
                self._overdue = False
                self._lead(at_once=True)
                if monitor.crowded:
                    monitor.crowded = False
                    if not self._park(me):
                        return
            try:
                conversation = ready.popleft()
            except IndexError:
                if not turns.promote_one() and not self._lead() and not self._park(me):
                    return
                continue
            if monitor.blocking and parked and not (self._polling or self._called):
                self._call_another()  # this request will probably block: let another one poll
            me.turn += 1
            me.conversation = conversation
            self._serve(conversation)
            me.conversation = None

    def _call_another(self) -> None:
        """Wake a parked rider, unless another thread has just done so."""
        try:
            another = self._riders.parked.pop()
        except IndexError:
            return
        self._called = True
        another.wake.release()

    def _park(self, me: Rider) -> bool:
        """Sleep until woken; False if this rider is to end."""
        self._riders.parked.append(me)
        me.wake.acquire()
        self._called = False
        return not me.dismissed

    def _serve(self, conversation: Conversation) -> None:
        """Take a turn: do what can be done for one conversation, then let go of it."""
        try:
            exchange = conversation.step()
            if exchange is None:
                self._look_out(time.monotonic())
            while exchange is not None:
                self.serve(exchange)
                exchange = conversation.finish()
                if exchange is not None:
                    # The next request has come along with this one (pipelining): others go first.
                    self._look_out(conversation.ready_at)
                    if self._overdue or self._ready:
                        conversation.hold()
                        self._turns.later.append(conversation)
                        return
            if conversation.deadline < conversation.ready_at and not conversation.closed:
                conversation.expire()
        except Exception:
            self.drop(conversation)
        self._release(conversation)

    def _release(self, conversation: Conversation) -> None:
        """Let go of an owned conversation; it waits for what its ``interest`` says."""
        if not conversation.closed:
            conversation.owned = False
            if conversation.armed != conversation.interest:
                self._watch.rearm(conversation)

    def _look_out(self, now: float) -> None:
        """Make a poll due, if the last one is STALE: this conversation takes many turns."""
        if now >= self._overdue_at:
            self._overdue = True

    # --- what it does now, for statistics and observers -------------------------------------------

    def activity(self) -> Activity:
        """See the base."""
        riders = self._riders
        parked = riders.parked.copy()
        return Activity(
            [self._doing(rider, parked) for rider in list(riders.all)],
            riders.limit,
            connections=len(self._conversations),
            queue=len(self._turns),
        )

    def _crowd(self) -> Crowd:
        """See the base; asked for each request that is observed, so without all the rest."""
        riders = self._riders.all
        busy = [rider for rider in riders if rider.conversation is not None]
        return Crowd(len(busy), len(riders) - len(busy), len(self._turns))

    def _doing(self, rider: Rider, parked: deque[Rider]) -> Doing:
        doing = rider.doing()
        if doing.state == IDLE and rider not in parked and self._leading.locked():
            return Doing(rider.name, rider.native_id, LEADING)
        return doing

    # --- the leader -------------------------------------------------------------------------------

    def _lead(self, at_once: bool = False) -> bool:
        """Poll, unless another rider does; tell whether this one has.

        With ``at_once`` it does not wait for events.
        """
        if not self._leading.acquire(blocking=False):
            return False
        try:
            self._poll(at_once)
        except Exception:
            # The next leader may succeed.  If none does, heartbeats cease: the worker is replaced.
            log.exception("The poll failed")
            time.sleep(RESTLESS)
        finally:
            self._leading.release()
        return True

    def _poll(self, at_once: bool) -> None:
        """Queue what is ready, then do what is due; the leader's lock is held."""
        acceptor, disk = self._acceptor, self._disk
        at_once = at_once or bool(disk.leftovers)
        if at_once:
            events = self._poller.poll(0)
        else:
            self._polling = True
            events = self._poller.poll(acceptor.pause)
            self._polling = False
        now = time.monotonic()
        self._overdue_at = now + STALE
        conversations, admit, turns = self._conversations, self._admit, self._turns
        for descriptor, _ in events:
            conversation = conversations.get(descriptor)
            if conversation is None:
                self._attend(descriptor)
            elif conversation.owned:
                # One in the queue is still readable, which would make a poll that waits spin.
                if not at_once or conversation.armed == WRITE:
                    self._watch.on_owned_event(conversation, descriptor)
            else:
                conversation.owned = True
                conversation.ready_at = now
                if conversation.bulky:
                    turns.later.append(conversation)
                else:
                    admit(conversation)
        if turns.later:
            turns.promote_overdue(now)
        if self._dozing:
            self._dozing = False
            self._call.put(None)
        if disk.leftovers:
            disk.free_piece()
        if now >= acceptor.resume_at:
            acceptor.resume()
        if now >= acceptor.tend_at:
            self._sweep(now)

    def _preview(self, conversation: Conversation) -> None:
        """Take the first step as the leader: a health check is answered, all else is queued."""
        assert isinstance(conversation, CheckedConversation)
        try:
            if conversation.preview():
                self._ready.append(conversation)
                return
        except Exception:
            self.drop(conversation)
        self._release(conversation)

    def _attend(self, descriptor: int) -> None:
        """Accept new connections, or begin to drain, whichever the descriptor stands for."""
        if descriptor == self._stopped:
            self._poller.unregister(descriptor)
            self._acceptor.stop()
        else:
            self._acceptor.accept(descriptor)
            # Most of them have sent a request by now; it is not to wait for one of many turns.
            if not self._ready:
                self._overdue = True

    def _sweep(self, now: float) -> None:
        """About once a second: give a heartbeat, and queue conversations past their deadline."""
        self.service.heartbeat()
        self._acceptor.tend(now)
        for conversation in list(self._conversations.values()):
            if conversation.deadline < now and not conversation.owned:
                conversation.owned = True
                conversation.ready_at = now
                self._ready.append(conversation)  # ``_serve`` calls ``expire``
