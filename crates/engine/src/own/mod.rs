//! The engine's own answers, to requests that never reach the application. What is answered is decided here; `door` asks,
//! as soon as a head is whole, and sends it. Whoever wants to answer has a file here and a line in [`Own::answer`].

pub(crate) mod answer;
pub(crate) mod asked;
mod health;
pub(crate) mod metrics;

use std::collections::VecDeque;

use crate::connection::ConnId;
use crate::sys::socket::Peer;
use crate::trusted::TrustedPeers;
use answer::Answer;
use asked::Asked;

/// What the engine is to answer by itself.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The path that tells whether the server is well; empty: none does.
    pub health_path: Vec<u8>,
    /// The path that gives the server's figures; empty: none does.
    pub metrics_path: Vec<u8>,
    /// Who is given them.
    pub metrics_peers: TrustedPeers,
}

/// How things stand when a request is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// The server is about to stop.
    pub is_leaving: bool,
}

/// Who answers, and what is left to do.
pub(crate) struct Own {
    settings: Settings,
    /// Connections with more behind a request that was answered here.
    pub postponed: VecDeque<ConnId>,
    /// Whether one is being answered right now.
    pub is_answering: bool,
}

impl Own {
    /// `None`: the engine answers nothing by itself.
    pub fn of(settings: &Settings) -> Option<Box<Self>> {
        let is_asked_for = !settings.health_path.is_empty() || !settings.metrics_path.is_empty();
        let own = || Box::new(Self { settings: settings.clone(), postponed: VecDeque::new(), is_answering: false });
        is_asked_for.then(own)
    }

    /// Whether that is a request for the server's figures, by somebody who may have them. Others do not learn that there
    /// are any.
    pub fn is_for_metrics(&self, asked: &Asked<'_>, peer: Peer) -> bool {
        let path = &self.settings.metrics_path;
        !path.is_empty() && asked.path() == path && self.settings.metrics_peers.trusts(peer) && !asked.is_passed_on()
    }

    /// The answer to a request that is not the application's. The first one to have an answer gives it: probes of a load
    /// balancer, which may name any host, come before all else.
    pub fn answer(&mut self, asked: &Asked<'_>, now: Moment) -> Option<Answer> {
        let path = asked.path();
        if !path.is_empty() && path == self.settings.health_path {
            return Some(health::answer(asked, now));
        }
        None
    }
}
