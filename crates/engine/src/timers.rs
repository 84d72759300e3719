//! Deadlines: one queue a class. All deadlines of a class last equally long, so the queue's head is due first,
//! setting one is a move to the tail, and nothing is ever sorted. No system call, no allocation per request.

use std::time::Duration;

/// What a connection is being waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Class {
    /// The rest of a request head.
    Head,
    /// More of a request body.
    Body,
    /// The next request, soon: what is remembered of the connection is kept.
    Warm,
    /// The next request, later: only the socket is kept.
    Idle,
    /// Room to write more of an answer.
    Write,
    /// The client's close after ours.
    Linger,
    /// The first request, where the worker is to finish.
    Parting,
    /// The application, for a request that is whole.
    Queue,
}

const CLASSES: [Class; 8] =
    [Class::Head, Class::Body, Class::Warm, Class::Idle, Class::Write, Class::Linger, Class::Parting, Class::Queue];
const NOBODY: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Link {
    class: Option<Class>,
    previous: u32,
    next: u32,
    due_ms: u64,
}

const UNLINKED: Link = Link { class: None, previous: NOBODY, next: NOBODY, due_ms: 0 };

#[derive(Clone, Copy)]
struct Queue {
    first: u32,
    last: u32,
    length_ms: u64,
}

/// The deadlines of all connections, by slot.
pub struct Timers {
    links: Vec<Link>,
    queues: [Queue; CLASSES.len()],
    /// A bit for each queue that is not empty.
    waiting: u8,
    /// The slot whose deadline has passed and is being dealt with, and when it was set.
    expired: Option<(u32, u64)>,
}

impl Timers {
    /// `length` gives each class its duration; zero means that the class never expires.
    pub fn new(length: impl Fn(Class) -> Duration) -> Self {
        let queue = |class| Queue { first: NOBODY, last: NOBODY, length_ms: length(class).as_millis() as u64 };
        Self { links: Vec::new(), queues: CLASSES.map(queue), waiting: 0, expired: None }
    }

    /// Set the slot's one deadline: `now_ms` plus the length of the class.
    #[inline]
    pub fn set(&mut self, slot: u32, class: Class, now_ms: u64) {
        self.clear(slot);
        let queue = &mut self.queues[class as usize];
        if queue.length_ms == 0 {
            return;
        }
        let link = Link { class: Some(class), previous: queue.last, next: NOBODY, due_ms: now_ms + queue.length_ms };
        if queue.last == NOBODY {
            queue.first = slot;
        } else {
            self.links[queue.last as usize].next = slot;
        }
        queue.last = slot;
        self.waiting |= 1 << class as u8;
        self.links[slot as usize] = link;
    }

    /// Take the slot's deadline away.
    #[inline]
    pub fn clear(&mut self, slot: u32) {
        match self.links.get(slot as usize) {
            Some(link) if link.class.is_some() => self.unlink(slot, *link),
            Some(_) => {}
            None => self.make_room(slot),
        }
    }

    #[cold]
    fn make_room(&mut self, slot: u32) {
        self.links.resize(slot as usize + 1, UNLINKED);
    }

    #[inline]
    fn unlink(&mut self, slot: u32, link: Link) {
        let Some(class) = link.class else { return };
        let queue = &mut self.queues[class as usize];
        match link.previous {
            NOBODY => queue.first = link.next,
            previous => self.links[previous as usize].next = link.next,
        }
        match link.next {
            NOBODY => queue.last = link.previous,
            next => self.links[next as usize].previous = link.previous,
        }
        if queue.first == NOBODY {
            self.waiting &= !(1 << class as u8);
        }
        self.links[slot as usize] = UNLINKED;
    }

    /// What the slot is being waited for.
    pub fn class_of(&self, slot: u32) -> Option<Class> {
        self.links.get(slot as usize).and_then(|link| link.class)
    }

    /// For how many milliseconds the slot has been waited for, or was until its deadline, which is being dealt with.
    pub fn waited(&self, slot: u32, now_ms: u64) -> u64 {
        let expired = self.expired.filter(|&(expired, _)| expired == slot).map(|(_, set_ms)| set_ms);
        let set = |link: &Link| link.class.map(|class| link.due_ms - self.queues[class as usize].length_ms);
        let set_ms = self.links.get(slot as usize).and_then(set).or(expired);
        set_ms.map_or(0, |set_ms| now_ms.saturating_sub(set_ms))
    }

    /// Whether a deadline has passed.
    #[inline]
    pub fn is_due(&self, now_ms: u64) -> bool {
        self.waiting().any(|class| self.links[self.queues[class as usize].first as usize].due_ms <= now_ms)
    }

    /// Take one deadline that has passed, until there is none.
    pub fn expired(&mut self, now_ms: u64) -> Option<(u32, Class)> {
        for class in self.waiting() {
            let slot = self.queues[class as usize].first;
            let due_ms = self.links[slot as usize].due_ms;
            if due_ms <= now_ms {
                self.clear(slot);
                self.expired = Some((slot, due_ms - self.queues[class as usize].length_ms));
                return Some((slot, class));
            }
        }
        self.expired = None;
        None
    }

    /// The slot that has been waited for longest in this class.
    pub fn oldest(&self, class: Class) -> Option<u32> {
        let first = self.queues[class as usize].first;
        (first != NOBODY).then_some(first)
    }

    /// Milliseconds until the next deadline.
    pub fn until_next(&self, now_ms: u64) -> Option<u64> {
        let due_ms = |class| self.links[self.queues[class as usize].first as usize].due_ms;
        self.waiting().map(|class| due_ms(class).saturating_sub(now_ms)).min()
    }

    /// The classes for which anybody is waited for: few at a time.
    #[inline]
    fn waiting(&self) -> impl Iterator<Item = Class> + use<> {
        let mut left = self.waiting;
        std::iter::from_fn(move || {
            let class = CLASSES.get(left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(*class)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timers() -> Timers {
        Timers::new(|class| match class {
            Class::Head => Duration::from_millis(100),
            Class::Idle => Duration::ZERO,
            _ => Duration::from_millis(500),
        })
    }

    #[test]
    fn the_earliest_deadline_comes_first_and_each_comes_once() {
        let mut timers = timers();
        timers.set(3, Class::Body, 0);
        timers.set(1, Class::Head, 10);
        timers.set(2, Class::Head, 20);
        assert_eq!(timers.until_next(10), Some(100));
        assert_eq!([1, 3, 9].map(|slot| timers.waited(slot, 60)), [50, 60, 0]);
        assert_eq!(timers.expired(109), None);
        assert_eq!(timers.expired(600), Some((1, Class::Head)));
        assert_eq!(timers.expired(600), Some((2, Class::Head)));
        assert_eq!(timers.expired(600), Some((3, Class::Body)));
        assert_eq!(timers.expired(600), None);
        assert_eq!(timers.until_next(600), None);
    }

    #[test]
    fn setting_again_moves_to_the_tail_and_clearing_takes_out_of_the_middle() {
        let mut timers = timers();
        for slot in 0..4 {
            timers.set(slot, Class::Head, 0);
        }
        timers.set(0, Class::Head, 50);
        timers.clear(2);
        assert_eq!(timers.expired(120), Some((1, Class::Head)));
        assert_eq!(timers.expired(120), Some((3, Class::Head)));
        assert_eq!(timers.expired(120), None);
        assert_eq!(timers.expired(150), Some((0, Class::Head)));
    }

    #[test]
    fn a_class_of_no_length_never_expires() {
        let mut timers = timers();
        timers.set(0, Class::Idle, 0);
        assert_eq!(timers.class_of(0), None);
        assert_eq!(timers.expired(u64::MAX), None);
    }
}
