//! The clocks: monotonic for deadlines, wall for the Date field and the log.

/// Milliseconds of the coarse monotonic clock: costs no system call, moves every few milliseconds.
pub fn monotonic_ms() -> u64 {
    let time = read(libc::CLOCK_MONOTONIC_COARSE);
    time.tv_sec as u64 * 1000 + time.tv_nsec as u64 / 1_000_000
}

/// Nanoseconds of the coarse monotonic clock.
pub fn monotonic_coarse_ns() -> u64 {
    let time = read(libc::CLOCK_MONOTONIC_COARSE);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Nanoseconds of the precise monotonic clock.
pub fn monotonic_ns() -> u64 {
    let time = read(libc::CLOCK_MONOTONIC);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Seconds since the epoch.
pub fn wall_seconds() -> i64 {
    read(libc::CLOCK_REALTIME_COARSE).tv_sec
}

/// Milliseconds since the epoch.
pub fn wall_ms() -> i64 {
    let time = read(libc::CLOCK_REALTIME);
    time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}

/// A moment as a wall clock shows it; the first month is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CivilTime {
    pub year: i32,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub offset_minutes: i32,
}

/// What the wall clock here shows `seconds` after the epoch.
pub fn local_time(seconds: i64) -> CivilTime {
    // SAFETY: all-zero bytes are a valid `tm`.
    let mut tm: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are valid for the call, and localtime_r keeps neither.
    unsafe { libc::localtime_r(&raw const seconds, &raw mut tm) };
    civil(&tm)
}

/// What a wall clock in Greenwich shows `seconds` after the epoch.
pub fn utc(seconds: i64) -> CivilTime {
    // SAFETY: all-zero bytes are a valid `tm`.
    let mut tm: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are valid for the call, and gmtime_r keeps neither.
    unsafe { libc::gmtime_r(&raw const seconds, &raw mut tm) };
    civil(&tm)
}

fn civil(tm: &libc::tm) -> CivilTime {
    CivilTime {
        year: tm.tm_year + 1900,
        month: tm.tm_mon as u8,
        day: tm.tm_mday as u8,
        hour: tm.tm_hour as u8,
        minute: tm.tm_min as u8,
        second: tm.tm_sec as u8,
        offset_minutes: (tm.tm_gmtoff / 60) as i32,
    }
}

fn read(clock: libc::clockid_t) -> libc::timespec {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is writable during the call; the clocks named above always exist.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time
}
