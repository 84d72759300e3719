"""The master's decisions, played against a kernel and an account of the test's own, in the place of loop and shell."""

from __future__ import annotations

from hypothesis.stateful import RuleBasedStateMachine

from longma.master.actions import Action, Commit, Spawn
from longma.master.decide import decide
from longma.master.events import (
    Dismissed,
    Event,
    Reading,
    Reaped,
    SettingsLoaded,
    SettingsRefused,
    Spawned,
    SpawnFailed,
    Tick,
    UpgradeFailed,
    UpgradeStarted,
    Vanished,
)
from longma.master.policies import is_outdated, is_present
from longma.master.state import Phase, Stage, State, Wanted
from tests.properties.master_account import BOOT_TIMEOUT, GRACEFUL_TIMEOUT, Account
from tests.properties.master_kernel import NO_PROCESS_LEFT, Kernel, Process

DEVICES = ("0", "1", "2")


class Play(RuleBasedStateMachine):
    """One life of a master; what can happen to it is told by whoever derives from this.

    Attributes:
        configured: How many workers the settings in force ask for.
        before: What was wanted before the generation on trial.
        orphaned_at: When the master that has started this one went.
        may_be_uneven: Whether fewer workers were wanted while some were gone: nobody is moved to the device they had.
    """

    def __init__(self) -> None:
        super().__init__()
        self.kernel = Kernel()
        self.account = Account(self.kernel, now=1000.0)
        self.state = State(Wanted(0, 0.0, GRACEFUL_TIMEOUT, 1, BOOT_TIMEOUT))
        self.configured = 0
        self.loaded: dict[int, int] = {}
        self.before = self.state.wanted
        self.orphaned_at: float | None = None
        self.may_be_uneven = False

    @property
    def now(self) -> float:
        return self.account.now

    def begin(self, state: State) -> None:
        self.state, self.configured, self.before = state, state.wanted.workers, state.wanted
        self.happen(Tick())

    def happen(self, event: Event) -> None:
        before = self.state
        self.state, actions = decide(self.state, event, self.now)
        if not isinstance(event, Dismissed):
            self.nobody_is_sent_away_too_early(before)
        self.a_trial_ends_well_or_leaves_nothing(before, actions)
        well = [worker for worker in before.workers if worker.stage is Stage.READY and not is_outdated(before, worker)]
        if self.state.wanted.workers < before.wanted.workers != len(well):
            self.may_be_uneven = True
        for action in actions:
            self.account.take(action, self.state)
            if isinstance(action, Spawn):
                self.it_has_the_least_used_device(action)
        while self.account.vanished:
            self.happen(Vanished(self.account.vanished.pop()))

    def nobody_is_sent_away_too_early(self, before: State) -> None:
        """A worker that serves is told to go only where enough others serve: as many as wanted, or as before."""
        if self.state.phase is not Phase.SERVING:
            return
        served = {worker.pid for worker in before.workers if worker.stage is Stage.READY}
        serving = {worker.pid for worker in self.state.workers if worker.stage is Stage.READY}
        sent = {worker.pid for worker in self.state.workers if worker.stage is Stage.RETIRING} & served
        if sent:
            assert len(serving) >= self.state.wanted.workers
            assert self.state.reload is None, "those who serve are needed where the new ones cannot"

    def a_trial_ends_well_or_leaves_nothing(self, before: State, actions: tuple[Action, ...]) -> None:
        """What is wanted by a generation counts once it has served; until then it can be forgotten."""
        if before.reload is None and self.state.generation != before.generation:
            self.before = before.wanted
        if any(isinstance(action, Commit) for action in actions):
            self.configured = self.loaded.get(self.state.generation, self.configured)
        elif before.reload is not None and self.state.reload is None:
            here, there = self.before._replace(workers=0), self.state.wanted._replace(workers=0)
            assert here == there
            came_back = self.before.workers == 0 and not self.state.upgrade
            assert self.state.wanted.workers == self.before.workers or came_back

    def it_has_the_least_used_device(self, spawn: Spawn) -> None:
        """Of those that stay, however many others have not gone yet, and those being spawned before it."""
        staying = [
            worker for worker in self.state.workers if is_present(worker) and not is_outdated(self.state, worker)
        ]
        others = [worker.device for worker in staying if worker.stage is not Stage.RETIRING]
        others += [pending.device for pending in self.state.pending if pending.age < spawn.age]
        assert others.count(spawn.device) == min(map(others.count, DEVICES))

    def answer_one(self) -> None:
        spawn = self.account.asked.popleft()
        pid = self.kernel.fork(spawn.slot, self.now)
        if pid:
            self.account.in_use.add(spawn.slot)
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
        self.happen(Tick(readings, self.orphaned_at is not None))
        assert self.state.wake_at is None or self.state.wake_at > self.now, "the master would never sleep"

    def pass_time(self, seconds: float) -> None:
        """Let time pass, with hearts beating and the master called whenever it wants to be."""
        until = self.now + seconds
        while self.now < until:
            wake_at = self.state.wake_at
            self.account.now = min(until, max(self.now, wake_at) if wake_at is not None else until, self.now + 1.0)
            self.kernel.beat(self.now)
            if wake_at is not None and wake_at <= self.now:
                self.settle()
                self.tick()

    def settle(self) -> None:
        """Answer every question and reap every child that is gone, as the loop does in each turn."""
        while self.account.asked or self.account.loads or self.account.upgrade_asked or self.kernel.zombies():
            if self.account.loads:
                self.load(self.state.wanted.workers, succeeds=True)
            if self.account.upgrade_asked:
                self.upgrade(succeeds=False)
            for pid in self.kernel.zombies():
                self.reap_one(pid)
            while self.account.asked:
                self.answer_one()

    def load(self, workers: int, *, succeeds: bool) -> None:
        generation = self.account.loads.popleft()
        if not succeeds:
            return self.happen(SettingsRefused("a mistake"))
        if self.state.phase is Phase.SERVING:
            self.account.generations.add(generation)
        self.loaded[generation] = workers
        self.happen(SettingsLoaded(generation, self.state.wanted._replace(workers=workers)))
        assert self.state.wanted.workers == workers or self.state.phase is not Phase.SERVING
        return None

    def upgrade(self, *, succeeds: bool) -> None:
        self.account.upgrade_asked = False
        free = self.kernel.free_pids()
        if not succeeds or not free:
            return self.happen(UpgradeFailed(NO_PROCESS_LEFT))
        self.kernel.processes[free[0]] = Process(is_ours=False)
        return self.happen(UpgradeStarted(free[0]))
