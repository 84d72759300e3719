//! The engine's own answers, to requests that never reach the application. What is answered is decided here; `door` asks,
//! as soon as a head is whole, and sends it. Whoever wants to answer has a file here and a line in [`Own::answer`].

pub mod answer;
pub(crate) mod asked;
pub mod files;
mod health;
pub mod hosts;
pub mod instead;
mod kinds;
pub(crate) mod metrics;
pub(crate) mod paths;
mod serving;
pub(crate) mod statics;

use std::collections::VecDeque;

use crate::connection::ConnId;
use crate::notice::Notice;
use crate::trusted::TrustedPeers;
use answer::Answer;
use asked::Asked;
use hosts::AllowedHosts;
use statics::Statics;

pub use paths::Prefix;
pub use statics::Settings as StaticSettings;

/// How often the operator is told of files that cannot be read.
const NOTICE_EVERY_MS: u64 = 1000;

/// What the engine is to answer by itself.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The path that tells whether the server is well; empty: none does.
    pub health_path: Vec<u8>,
    /// The path that gives the server's figures; empty: none does.
    pub metrics_path: Vec<u8>,
    /// Who is given them.
    pub metrics_peers: TrustedPeers,
    pub allowed_hosts: AllowedHosts,
    pub statics: StaticSettings,
    pub instead: instead::Settings,
}

/// How things stand when a request is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// The server is about to stop.
    pub is_leaving: bool,
    /// On the monotonic clock.
    pub ms: u64,
    /// Since the epoch.
    pub wall_seconds: i64,
}

/// Who answers, and what is left to do.
pub(crate) struct Own {
    settings: Settings,
    statics: Option<Statics>,
    /// What the operator should know, and when he was told something last.
    pub notice: Option<Notice>,
    told_ms: u64,
    /// Connections with more behind a request that was answered here.
    pub postponed: VecDeque<ConnId>,
    /// Whether one is being answered right now.
    pub is_answering: bool,
}

impl Own {
    /// `None`: the engine answers nothing by itself.
    pub fn of(settings: &Settings) -> Option<Box<Self>> {
        let statics = (!settings.statics.mounts.is_empty()).then(|| Statics::of(&settings.statics));
        let has_paths = !settings.health_path.is_empty() || !settings.metrics_path.is_empty();
        if !has_paths && statics.is_none() && settings.allowed_hosts.is_any() {
            return None;
        }
        let (settings, postponed) = (settings.clone(), VecDeque::new());
        Some(Box::new(Self { settings, statics, notice: None, told_ms: 0, postponed, is_answering: false }))
    }

    /// Whether that is a request for the server's figures. Only `metrics_peers` are given them; others do not learn that
    /// there are any.
    pub fn is_for_metrics(&self, asked: &Asked<'_>) -> bool {
        let path = &self.settings.metrics_path;
        !path.is_empty() && asked.path() == path && !asked.is_passed_on()
    }

    /// Whether there is somebody to show the server's figures to.
    pub fn has_metrics(&self) -> bool {
        !self.settings.metrics_path.is_empty()
    }

    pub fn metrics_peers(&self) -> &TrustedPeers {
        &self.settings.metrics_peers
    }

    /// The answer to a request that is not the application's. The first one to have an answer gives it: probes of a load
    /// balancer, which may name any host, come before all else.
    pub fn answer(&mut self, asked: &Asked<'_>, now: Moment) -> Option<Answer> {
        let path = asked.path();
        if !path.is_empty() && path == self.settings.health_path {
            return Some(health::answer(asked, now));
        }
        if !self.settings.allowed_hosts.is_any()
            && let Some(refusal) = self.settings.allowed_hosts.refusal(asked)
        {
            return Some(refusal);
        }
        let (answer, notice) = self.statics.as_mut()?.answer(asked, now)?;
        if notice.is_some() && now.ms >= self.told_ms + NOTICE_EVERY_MS {
            self.told_ms = now.ms;
            self.notice = notice;
        }
        Some(answer)
    }

    /// Time has passed.
    pub fn sweep(&mut self, now_ms: u64) {
        if let Some(statics) = &mut self.statics {
            statics.sweep(now_ms);
        }
    }
}
