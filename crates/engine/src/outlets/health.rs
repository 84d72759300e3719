//! What the operator is told of an outlet: once that it fails, and once what that has cost.

use std::fmt::Display;

use super::backlog::Backlog;
use crate::notice::Notice;

/// How an outlet is.
#[derive(Debug)]
pub struct Health {
    /// What the operator calls it.
    name: String,
    is_failing: bool,
}

impl Health {
    pub fn of(name: String) -> Self {
        Self { name, is_failing: false }
    }

    /// It fails; lines wait, as long as there is room for them.
    pub fn fails(&mut self, why: impl Display, notices: &mut Vec<Notice>) {
        if !std::mem::replace(&mut self.is_failing, true) {
            notices.push(Notice::LogFails { name: self.name.clone(), why: why.to_string() });
        }
    }

    /// It has done what it could: look at what that was.
    pub fn judge(&mut self, backlog: &mut Backlog, notices: &mut Vec<Notice>) {
        if backlog.lost() > 0 {
            self.fails("its reader is too slow", notices);
        }
        if backlog.is_empty() && std::mem::take(&mut self.is_failing) {
            self.count(backlog, notices);
        }
    }

    /// Nothing more will be written.
    pub fn end(&mut self, backlog: &mut Backlog, notices: &mut Vec<Notice>) {
        backlog.lose_all();
        self.count(backlog, notices);
    }

    fn count(&self, backlog: &mut Backlog, notices: &mut Vec<Notice>) {
        let lines = backlog.take_lost();
        if lines > 0 {
            notices.push(Notice::LogLost { name: self.name.clone(), lines });
        }
    }
}
