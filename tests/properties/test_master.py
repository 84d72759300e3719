"""Whatever happens, in whatever order: the wanted number of workers, no signal to a stranger, and always an end."""

from __future__ import annotations

import signal
from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from longma.master.events import Dismissed, Reaped, Reported, Resized, Signalled
from longma.master.loop import SIGNALS
from longma.master.policies import (
    ABORT_GRACE,
    IDLE_PATIENCE,
    KILL_PATIENCE,
    LONGEST_RESPAWN_DELAY,
    LOOK_EVERY,
    SURGE_DIVISOR,
    free_slot,
    is_outdated,
    is_present,
    missing_workers,
)
from longma.master.state import Phase, Stage, State, Wanted
from longma.process.tether import Report
from tests.properties.master_account import BOOT_TIMEOUT, GRACEFUL_TIMEOUT, MEMORY, MEMORY_HARD, TIMEOUT, WATCHDOG
from tests.properties.master_kernel import Process
from tests.properties.master_play import DEVICES, Play

DRAIN_DELAY = 5.0
SPARE_SLOTS = 3  # few, so that killed workers that hang can take them all
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
OTHERS = tuple(number for number in SIGNALS if number not in STOPPING)


def choice(data: st.DataObject, pids: list[int]) -> int:
    return data.draw(st.sampled_from(sorted(pids)), label="pid")


class Master(Play):
    """What can happen to a master, and what holds whatever does."""

    @initialize(
        workers=st.integers(0, 4),
        timeout=st.sampled_from([0.0, TIMEOUT]),
        memory=st.booleans(),
        delays=st.booleans(),
        watchdog=st.booleans(),
        has_parent=st.booleans(),
        calm=st.booleans(),
    )
    def start(
        self, workers: int, timeout: float, memory: bool, delays: bool, watchdog: bool, has_parent: bool, calm: bool
    ) -> None:
        limits = (MEMORY, MEMORY_HARD) if memory else (0, 0)
        wanted = Wanted(workers, timeout, GRACEFUL_TIMEOUT, workers + SPARE_SLOTS, BOOT_TIMEOUT, *limits, DEVICES)
        wanted = wanted._replace(drain_delay=DRAIN_DELAY * delays)
        self.had_parent = has_parent
        self.account.alive_at = self.now
        self.begin(State(wanted, honours_winch=True, has_parent=has_parent, watchdog=WATCHDOG * watchdog))
        if calm:
            self.calm_comes()

    # What can happen.

    @rule(seconds=st.sampled_from([0.01, 0.3, 1.0, 3.0, 10.0]))
    def time_passes(self, seconds: float) -> None:
        self.pass_time(seconds)

    @precondition(lambda self: self.account.asked)
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
    @rule(
        data=st.data(),
        exit_code=st.sampled_from([0, 1, 3, 4, 255, -signal.SIGSEGV, -signal.SIGKILL]),
        reaped=st.booleans(),
    )
    def a_worker_dies(self, data: st.DataObject, exit_code: int, reaped: bool) -> None:
        pid = choice(data, self.kernel.living())
        self.kernel.processes[pid].exit_code = exit_code
        if reaped:
            self.reap_one(pid)

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

    @precondition(lambda self: self.state.wanted.timeout and self.ours_are_gone())
    @rule(data=st.data())
    def somebody_else_reaps_a_worker(self, data: st.DataObject) -> None:
        """It is noticed when it is to be signalled; where workers are not timed that may never be."""
        self.kernel.lose(choice(data, self.ours_are_gone()))

    def ours_are_gone(self) -> list[int]:
        """Those that the master may still want to signal."""
        return [pid for pid in self.kernel.zombies() if not self.kernel.processes[pid].was_killed]

    @precondition(lambda self: self.kernel.booting())
    @rule()
    def workers_die_at_their_start_again_and_again(self) -> None:
        """They are started again, for ever, and less and less often."""
        began = self.now
        for _ in range(8):
            for pid in self.kernel.booting():
                self.kernel.processes[pid].exit_code = 255
            self.settle()
            deadline = self.now + LONGEST_RESPAWN_DELAY
            while not self.kernel.booting() and self.now < deadline:
                self.pass_time(0.5)
                self.settle()
            if not self.kernel.booting():
                is_full = free_slot(self.state) is None or not self.kernel.free_pids()
                assert is_full or not missing_workers(self.state), "nobody is started any more"
                return
        assert self.now >= began + 1.0, "they are started in a storm"

    @precondition(lambda self: self.kernel.free_pids())
    @rule(data=st.data(), exit_code=st.sampled_from([None, 0, 3]))
    def a_stranger_takes_a_number(self, data: st.DataObject, exit_code: int | None) -> None:
        """Another process of the machine, or, with an exit code, an orphan that becomes a child of process 1."""
        pid = choice(data, self.kernel.free_pids())
        if exit_code is not None:
            self.happen(Reaped(pid, exit_code))
        elif len(self.kernel.free_pids()) > 5:
            self.kernel.processes[pid] = Process(is_ours=False)

    @precondition(lambda self: self.account.loads)
    @rule(workers=st.integers(0, 4), succeeds=st.booleans())
    def the_settings_are_read(self, workers: int, succeeds: bool) -> None:
        self.load(min(workers, self.state.wanted.slots - 1), succeeds=succeeds)

    @precondition(lambda self: not self.account.loads and not self.account.upgrade_asked)
    @rule(workers=st.integers(0, 4))
    def the_server_is_reloaded(self, workers: int) -> None:
        self.happen(Signalled(signal.SIGHUP))
        if self.account.loads:
            self.load(min(workers, self.state.wanted.slots - 1), succeeds=True)

    @precondition(lambda self: self.account.upgrade_asked)
    @rule(succeeds=st.booleans())
    def another_master_is_started(self, succeeds: bool) -> None:
        self.upgrade(succeeds=succeeds)

    @precondition(lambda self: self.state.upgrade and self.account.exit_code is None)
    @rule(exit_code=st.sampled_from([0, 1, 3]))
    def the_other_master_goes(self, exit_code: int) -> None:
        self.kernel.processes.pop(self.state.upgrade)
        self.happen(Reaped(self.state.upgrade, exit_code))
        if self.configured and self.state.phase is Phase.SERVING and self.state.reload is None:
            assert self.state.wanted.workers, "nobody serves any more"

    @precondition(lambda self: not self.account.loads and not self.account.upgrade_asked)
    @rule()
    def another_master_takes_over(self) -> None:
        """All but the last step of an upgrade."""
        self.happen(Signalled(signal.SIGUSR2))
        if self.account.upgrade_asked:
            self.upgrade(succeeds=True)
            self.happen(Signalled(signal.SIGWINCH))
            self.settle()

    @precondition(lambda self: self.had_parent and self.orphaned_at is None)
    @rule()
    def the_old_master_goes(self) -> None:
        self.orphaned_at, self.account.parent_is_gone = self.now, True

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
        if not self.account.loads and not self.account.upgrade_asked:  # the shell answers before it reads the next one
            self.happen(Signalled(number))

    @rule(by=st.integers(-3, 3))
    def the_operator_wants_another_number(self, by: int) -> None:
        self.happen(Resized(by))

    @precondition(lambda self: self.kernel.living())
    @rule(data=st.data())
    def the_operator_dismisses_a_worker(self, data: st.DataObject) -> None:
        self.happen(Dismissed(choice(data, self.kernel.living())))

    @rule(number=st.sampled_from(STOPPING), often=st.integers(1, 3))
    def the_master_is_told_to_stop(self, number: int, often: int) -> None:
        if often == 3:  # seldom, or no run would be about anything else
            self.account.told_to_stop = True
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
        assert {worker.generation for worker in self.state.workers} <= {self.state.generation}
        assert not [worker for worker in self.state.workers if worker.recycle]
        assert self.state.reload is None
        assert not self.account.is_reloading, "the supervisor waits for the end of a reload"
        if self.state.wanted.timeout:
            assert [worker.stage for worker in self.state.workers] == [Stage.READY] * self.state.wanted.workers
        assert len(self.kernel.living()) == self.state.wanted.workers
        leases = Counter(worker.device for worker in self.state.workers)
        spread = max(map(leases.__getitem__, DEVICES)) - min(map(leases.__getitem__, DEVICES))
        assert spread <= 1 or self.may_be_uneven

    # What always holds.

    @invariant()
    def the_master_knows_its_children(self) -> None:
        if self.account.exit_code is None:
            assert {worker.pid for worker in self.state.workers} == set(self.kernel.ours())

    @invariant()
    def nobody_shares_a_slot(self) -> None:
        slots = [worker.slot for worker in self.state.workers] + [spawn.slot for spawn in self.state.pending]
        assert len(slots) == len(set(slots))
        assert all(0 <= slot < self.state.wanted.slots for slot in slots)
        if self.account.exit_code is None:
            assert set(slots) >= self.account.in_use, "a page that nobody has is not empty"

    @invariant()
    def there_are_hardly_more_workers_than_wanted(self) -> None:
        """Beyond those that were wanted when they were asked for there are successors only, and few of them."""
        if self.state.phase is not Phase.SERVING:
            return
        present = [worker for worker in self.state.workers if is_present(worker) and worker.stage is not Stage.ABORTED]
        outdated = [worker for worker in present if is_outdated(self.state, worker)]
        trial = self.state.reload
        wanted = max(self.state.wanted.workers, trial.before.workers if trial else 0)
        assert len(present) - wanted <= (max(1, wanted // SURGE_DIVISOR) if outdated else 0)

    @invariant()
    def a_generation_that_was_let_go_of_is_not_the_current_one(self) -> None:
        if self.account.exit_code is None:
            assert self.state.generation in self.account.generations

    @invariant()
    def a_server_that_has_served_ends_only_when_told(self) -> None:
        assert self.account.told_to_stop or not self.state.ever_ready or self.state.phase is Phase.SERVING

    @invariant()
    def the_listeners_are_closed_once(self) -> None:
        assert self.account.closed == (self.state.phase is not Phase.SERVING)

    @invariant()
    def whoever_says_to_be_leaving_stops_in_time(self) -> None:
        if self.account.leaving_since is not None and self.now >= self.account.leaving_since + DRAIN_DELAY + 1.0:
            assert self.state.phase is not Phase.SERVING

    @invariant()
    def the_supervisor_hears_that_the_master_is_well(self) -> None:
        if self.state.watchdog and self.account.exit_code is None:
            assert self.now <= self.account.alive_at + WATCHDOG + 1.0

    @invariant()
    def an_heir_is_promoted_once(self) -> None:
        assert self.account.promoted <= 1
        if self.orphaned_at is not None and self.now > self.orphaned_at + LOOK_EVERY + 1.0:
            assert self.account.promoted == 1 or self.account.exit_code is not None

    def teardown(self) -> None:
        """However things stand, with workers that ignore everything: a stop comes to its end in time."""
        self.account.told_to_stop = True
        self.happen(Signalled(signal.SIGTERM))
        while self.state.phase is Phase.SERVING:
            self.settle()
            self.pass_time(0.1)
        self.settle()
        patience = GRACEFUL_TIMEOUT + KILL_PATIENCE if self.kernel.some_react_to_nothing() or self.kernel.lost else 0.1
        deadline = self.now + patience + 1.0
        while self.account.exit_code is None and self.now < deadline:
            self.settle()
            self.pass_time(0.1)
        assert self.account.exit_code in (0, 3, 4)


TestMaster = Master.TestCase
TestMaster.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
