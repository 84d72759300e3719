"""Whatever happens, in whatever order: the wanted number of workers, no signal to a stranger, and always an end."""

from __future__ import annotations

import signal
from collections import Counter, deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from longma.master.actions import (
    Abandon,
    Action,
    CloseListeners,
    Commit,
    Exit,
    Kill,
    LoadSettings,
    Renew,
    SayLeaving,
    Spawn,
    Upgrade,
)
from longma.master.decide import decide
from longma.master.events import (
    Event,
    Reading,
    Reaped,
    Reported,
    SettingsLoaded,
    SettingsRefused,
    Signalled,
    Spawned,
    SpawnFailed,
    Tick,
    UpgradeFailed,
    UpgradeStarted,
)
from longma.master.loop import SIGNALS
from longma.master.policies import (
    ABORT_GRACE,
    IDLE_PATIENCE,
    KILL_PATIENCE,
    LONGEST_RESPAWN_DELAY,
    SURGE_DIVISOR,
    is_outdated,
    is_present,
)
from longma.master.state import Phase, Stage, State, Wanted
from longma.process.tether import Report
from tests.properties.master_kernel import NO_PROCESS_LEFT, Kernel, Process

TIMEOUT = 4.0
GRACEFUL_TIMEOUT = 6.0
BOOT_TIMEOUT = 7.0
DRAIN_DELAY = 5.0
MEMORY, MEMORY_HARD = 100, 200
SPARE_SLOTS = 3  # few, so that killed workers that hang can take them all
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
OTHERS = tuple(number for number in SIGNALS if number not in STOPPING)
DEVICES = ("0", "1", "2")


def choice(data: st.DataObject, pids: list[int]) -> int:
    return data.draw(st.sampled_from(sorted(pids)), label="pid")


class Master(RuleBasedStateMachine):
    """The master's decisions, played against a kernel and a board of the test's own."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = Kernel()
        self.now = 1000.0
        self.asked: deque[Spawn] = deque()
        self.exit_code: int | None = None
        self.closed = 0
        self.leaving_since: float | None = None
        self.told_to_stop = False
        self.upgrade_asked = False
        self.loads: deque[int] = deque()
        self.generations = {0}

    @initialize(
        workers=st.integers(0, 4), timeout=st.sampled_from([0.0, TIMEOUT]), memory=st.booleans(), delays=st.booleans()
    )
    def start(self, workers: int, timeout: float, memory: bool, delays: bool) -> None:
        limits = (MEMORY, MEMORY_HARD) if memory else (0, 0)
        wanted = Wanted(workers, timeout, GRACEFUL_TIMEOUT, workers + SPARE_SLOTS, BOOT_TIMEOUT, *limits, DEVICES)
        self.state = State(wanted._replace(drain_delay=DRAIN_DELAY * delays), honours_winch=True)
        self.happen(Tick())

    # What the shell does.

    def happen(self, event: Event) -> None:
        ended = self.exit_code is not None
        before = self.state
        self.state, actions = decide(self.state, event, self.now)
        assert not (ended and actions), "the master acts after its end"
        self.nobody_is_sent_away_too_early(before, event)
        for action in actions:
            self.perform(action)

    def nobody_is_sent_away_too_early(self, before: State, event: Event) -> None:
        """A worker that serves is told to go only where enough others serve: as many as wanted, or as before."""
        if self.state.phase is not Phase.SERVING:
            return
        served = {worker.pid for worker in before.workers if worker.stage is Stage.READY}
        serving = {worker.pid for worker in self.state.workers if worker.stage is Stage.READY}
        sent = {worker.pid for worker in self.state.workers if worker.stage is Stage.RETIRING} & served
        if sent:
            assert len(serving) >= self.state.wanted.workers

    def perform(self, action: Action) -> None:
        match action:
            case Spawn():
                assert action.generation in self.generations, "spawned with what was let go of"
                self.it_has_the_least_used_device(action)
                self.asked.append(action)
            case LoadSettings(generation):
                assert generation not in self.generations
                self.loads.append(generation)
            case Renew(generation):
                self.generations.add(generation)
            case Commit(generation):
                assert generation in self.generations
                self.generations = {number for number in self.generations if number >= generation}
            case Abandon(generation):
                self.generations.remove(generation)
            case Upgrade():
                self.upgrade_asked = True
            case Kill(pid, number):
                self.kernel.kill(pid, number)
            case SayLeaving():
                assert self.told_to_stop
                self.leaving_since = self.now
            case CloseListeners():
                self.closed += 1
            case Exit(code):
                self.exit_code = code

    def it_has_the_least_used_device(self, spawn: Spawn) -> None:
        """Of those that stay, however many others have not gone yet, and those being spawned before it."""
        staying = [
            worker for worker in self.state.workers if is_present(worker) and not is_outdated(self.state, worker)
        ]
        others = [worker.device for worker in staying if worker.stage is not Stage.RETIRING]
        others += [pending.device for pending in self.state.pending if pending.age < spawn.age]
        assert others.count(spawn.device) == min(map(others.count, DEVICES))

    def answer_one(self) -> None:
        spawn = self.asked.popleft()
        pid = self.kernel.fork(spawn.slot, self.now)
        self.happen(Spawned(spawn.age, pid) if pid else SpawnFailed(spawn.age, NO_PROCESS_LEFT))

    def reap_one(self, pid: int) -> None:
        self.happen(Reaped(pid, self.kernel.reap(pid)))

    def tick(self) -> None:
        """What the loop does when the time comes: answers and reaping are behind it by then."""
        pages = [(process.slot, pid, process) for pid, process in self.kernel.processes.items() if process.is_ours]
        readings = tuple(
            Reading(slot, pid, process.heartbeat_at, process.is_stuck, memory=process.memory)
            for slot, pid, process in pages
        )
        self.happen(Tick(readings))
        assert self.state.wake_at is None or self.state.wake_at > self.now, "the master would never sleep"

    def pass_time(self, seconds: float) -> None:
        """Let time pass, with hearts beating and the master called whenever it wants to be."""
        until = self.now + seconds
        while self.now < until:
            wake_at = self.state.wake_at
            self.now = min(until, max(self.now, wake_at) if wake_at is not None else until, self.now + 1.0)
            self.kernel.beat(self.now)
            if wake_at is not None and wake_at <= self.now:
                self.settle()
                self.tick()

    def settle(self) -> None:
        """Answer every question and reap every child that is gone, as the loop does in each turn."""
        while self.asked or self.loads or self.upgrade_asked or self.kernel.zombies():
            if self.loads:
                self.load(self.state.wanted.workers, succeeds=True)
            if self.upgrade_asked:
                self.upgrade(succeeds=False)
            for pid in self.kernel.zombies():
                self.reap_one(pid)
            while self.asked:
                self.answer_one()

    def load(self, workers: int, *, succeeds: bool) -> None:
        generation = self.loads.popleft()
        if not succeeds:
            return self.happen(SettingsRefused("a mistake"))
        if self.state.phase is Phase.SERVING:
            self.generations.add(generation)
        return self.happen(SettingsLoaded(generation, self.state.wanted._replace(workers=workers)))

    def upgrade(self, *, succeeds: bool) -> None:
        self.upgrade_asked = False
        free = self.kernel.free_pids()
        if not succeeds or not free:
            return self.happen(UpgradeFailed(NO_PROCESS_LEFT))
        self.kernel.processes[free[0]] = Process(is_ours=False)
        return self.happen(UpgradeStarted(free[0]))

    # What can happen.

    @rule(seconds=st.sampled_from([0.01, 0.3, 1.0, 3.0, 10.0]))
    def time_passes(self, seconds: float) -> None:
        self.pass_time(seconds)

    @precondition(lambda self: self.asked)
    @rule(forks_fail=st.booleans())
    def a_spawn_is_answered(self, forks_fail: bool) -> None:
        self.kernel.forks_fail = forks_fail
        self.answer_one()
        self.kernel.forks_fail = False

    @precondition(lambda self: self.kernel.booting())
    @rule(data=st.data())
    def a_worker_gets_ready(self, data: st.DataObject) -> None:
        pid = choice(data, self.kernel.booting())
        self.kernel.processes[pid].is_ready = True
        self.happen(Reported(pid, Report.READY))

    @precondition(lambda self: self.kernel.living())
    @rule(data=st.data(), exit_code=st.sampled_from([0, 1, 3, 4, 255, -signal.SIGSEGV, -signal.SIGKILL]))
    def a_worker_dies(self, data: st.DataObject, exit_code: int) -> None:
        self.kernel.processes[choice(data, self.kernel.living())].exit_code = exit_code

    @precondition(lambda self: self.kernel.living())
    @rule(data=st.data(), hangs=st.booleans())
    def a_worker_gets_stuck(self, data: st.DataObject, hangs: bool) -> None:
        process = self.kernel.processes[choice(data, self.kernel.living())]
        process.is_stuck = True
        process.hangs = hangs

    @precondition(lambda self: self.kernel.living())
    @rule(data=st.data(), hangs=st.booleans())
    def a_worker_outstays_its_timeout(self, data: st.DataObject, hangs: bool) -> None:
        self.a_worker_gets_stuck(data, hangs)
        self.pass_time(TIMEOUT + 2 * ABORT_GRACE)

    @precondition(lambda self: self.kernel.zombies())
    @rule(data=st.data())
    def a_child_is_reaped(self, data: st.DataObject) -> None:
        self.reap_one(choice(data, self.kernel.zombies()))

    @precondition(lambda self: self.kernel.free_pids())
    @rule(data=st.data(), exit_code=st.sampled_from([None, 0, 3]))
    def a_stranger_takes_a_number(self, data: st.DataObject, exit_code: int | None) -> None:
        """Another process of the machine, or, with an exit code, an orphan that becomes a child of process 1."""
        pid = choice(data, self.kernel.free_pids())
        if exit_code is not None:
            self.happen(Reaped(pid, exit_code))
        elif len(self.kernel.free_pids()) > 5:
            self.kernel.processes[pid] = Process(is_ours=False)

    @precondition(lambda self: self.loads)
    @rule(workers=st.integers(0, 4), succeeds=st.booleans())
    def the_settings_are_read(self, workers: int, succeeds: bool) -> None:
        self.load(min(workers, self.state.wanted.slots), succeeds=succeeds)

    @precondition(lambda self: self.upgrade_asked)
    @rule(succeeds=st.booleans())
    def another_master_is_started(self, succeeds: bool) -> None:
        self.upgrade(succeeds=succeeds)

    @precondition(lambda self: self.state.upgrade and self.exit_code is None)
    @rule(exit_code=st.sampled_from([0, 1, 3]))
    def the_other_master_goes(self, exit_code: int) -> None:
        self.kernel.processes.pop(self.state.upgrade)
        self.happen(Reaped(self.state.upgrade, exit_code))

    @precondition(lambda self: self.kernel.living())
    @rule(data=st.data(), report=st.sampled_from([Report.RECYCLE, Report.CHANGED]))
    def a_worker_reports(self, data: st.DataObject, report: Report) -> None:
        self.happen(Reported(choice(data, self.kernel.living()), report, "because"))

    @precondition(lambda self: self.kernel.living())
    @rule(data=st.data(), memory=st.sampled_from([MEMORY + 1, MEMORY_HARD + 1]))
    def a_worker_grows(self, data: st.DataObject, memory: int) -> None:
        self.kernel.processes[choice(data, self.kernel.living())].memory = memory
        self.tick()

    @rule(number=st.sampled_from(OTHERS))
    def a_signal_comes(self, number: int) -> None:
        if number != signal.SIGHUP or not self.loads:  # the shell answers before the next signal is read
            self.happen(Signalled(number))

    @rule(number=st.sampled_from(STOPPING), often=st.integers(1, 3))
    def the_master_is_told_to_stop(self, number: int, often: int) -> None:
        if often == 3:  # seldom, or no run would be about anything else
            self.told_to_stop = True
            self.happen(Signalled(number))

    @precondition(lambda self: self.state.phase is Phase.SERVING)
    @rule()
    def calm_comes(self) -> None:
        """From any state, once nothing bad happens any more, there are soon as many workers as wanted, all well."""
        for process in self.kernel.processes.values():
            process.hangs = False
            process.memory = 0
            if process.was_killed and process.exit_code is None:
                process.exit_code = -signal.SIGKILL
        for _ in range(16):
            self.settle()
            if self.state.phase is not Phase.SERVING:
                return  # the last of the bad things was a first worker that could not boot
            for pid in self.kernel.booting():
                self.kernel.processes[pid].is_ready = True
                self.happen(Reported(pid, Report.READY))
            self.pass_time(LONGEST_RESPAWN_DELAY + TIMEOUT + IDLE_PATIENCE)
        if self.state.wanted.timeout:
            assert [worker.stage for worker in self.state.workers] == [Stage.READY] * self.state.wanted.workers
        assert len(self.kernel.living()) == self.state.wanted.workers
        leases = Counter(worker.device for worker in self.state.workers)
        assert max(map(leases.__getitem__, DEVICES)) - min(map(leases.__getitem__, DEVICES)) <= 1

    # What always holds.

    @invariant()
    def the_master_knows_its_children(self) -> None:
        ours = {pid for pid, process in self.kernel.processes.items() if process.is_ours}
        if self.exit_code is None:
            assert {worker.pid for worker in self.state.workers} == ours

    @invariant()
    def nobody_shares_a_slot(self) -> None:
        slots = [worker.slot for worker in self.state.workers] + [spawn.slot for spawn in self.state.pending]
        assert len(slots) == len(set(slots))
        assert all(0 <= slot < self.state.wanted.slots for slot in slots)

    @invariant()
    def there_are_hardly_more_workers_than_wanted(self) -> None:
        """Beyond those that were wanted when they were asked for there are successors only, and few of them."""
        if self.state.phase is not Phase.SERVING:
            return
        present = [worker for worker in self.state.workers if is_present(worker) and worker.stage is not Stage.ABORTED]
        outdated = [worker for worker in present if is_outdated(self.state, worker)]
        surplus = len(present) - self.state.wanted.workers
        assert surplus <= (max(1, self.state.wanted.workers // SURGE_DIVISOR) if outdated else 0)

    @invariant()
    def a_generation_that_was_let_go_of_is_not_the_current_one(self) -> None:
        if self.exit_code is None:
            assert self.state.generation in self.generations

    @invariant()
    def a_server_that_has_served_ends_only_when_told(self) -> None:
        assert self.told_to_stop or not self.state.ever_ready or self.state.phase is Phase.SERVING

    @invariant()
    def the_listeners_are_closed_once(self) -> None:
        assert self.closed == (self.state.phase is not Phase.SERVING)

    @invariant()
    def whoever_says_to_be_leaving_stops_in_time(self) -> None:
        if self.leaving_since is not None and self.now >= self.leaving_since + DRAIN_DELAY + 1.0:
            assert self.state.phase is not Phase.SERVING

    def teardown(self) -> None:
        """However things stand, with workers that ignore everything: a stop comes to its end in time."""
        self.told_to_stop = True
        self.happen(Signalled(signal.SIGTERM))
        deadline = self.now + DRAIN_DELAY + GRACEFUL_TIMEOUT + KILL_PATIENCE + 1.0
        while self.exit_code is None and self.now < deadline:
            self.settle()
            self.pass_time(0.1)
        assert self.exit_code in (0, 3, 4)


TestMaster = Master.TestCase
TestMaster.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
