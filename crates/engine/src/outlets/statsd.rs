//! StatsD, and DogStatsD's tags: each metric a datagram, with the names Gunicorn gives them. What a collector does not
//! take at once is not worth keeping.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;

use super::address::{Address, Line};
use crate::escape::put;
use crate::gathered::Measure;
use crate::sys::clock;
use crate::sys::output::{self, MAX_DATAGRAMS};

/// From so many requests at once they are counted together: a collector's socket holds few datagrams.
const MANY: usize = 32;
const RETRY_MS: u64 = 1000;

/// A collector of metrics.
#[derive(Debug)]
pub struct StatsdOutlet {
    address: Address,
    resolved: Vec<SocketAddr>,
    prefix: String,
    tags: String,
    line: Option<Line>,
    retry_at_ms: u64,
    /// The metrics of one write, one after the other, and where each ends.
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl StatsdOutlet {
    /// Metrics to `address`. The prefix gets a dot behind it, whatever dots it has.
    pub fn new(address: Address, prefix: &str, tags: &str) -> Self {
        let prefix = match prefix.trim_end_matches('.') {
            "" => String::new(),
            name => format!("{name}."),
        };
        let tags = if tags.is_empty() { String::new() } else { format!("|#{tags}") };
        // As with Gunicorn, a collector that is not there is no reason for a word.
        let resolved = address.resolve().unwrap_or_default();
        Self { address, resolved, prefix, tags, line: None, retry_at_ms: 0, text: Vec::new(), ends: Vec::new() }
    }

    /// Send what is measured of requests.
    pub fn write(&mut self, measures: &[Measure]) {
        self.compose(measures);
        if self.send().is_err() {
            self.line = None;
            self.retry_at_ms = clock::monotonic_ms() + RETRY_MS;
        }
        self.text.clear();
        self.ends.clear();
    }

    fn compose(&mut self, measures: &[Measure]) {
        if measures.len() < MANY {
            for measure in measures {
                self.count("requests", 1);
                self.time(measure);
                if let Some(status) = measure.status {
                    self.count_status(status, 1);
                }
            }
            return;
        }
        let mut statuses = BTreeMap::new();
        for measure in measures {
            self.time(measure);
            if let Some(status) = measure.status {
                *statuses.entry(status).or_insert(0) += 1;
            }
        }
        self.count("requests", measures.len());
        for (status, count) in statuses {
            self.count_status(status, count);
        }
    }

    fn count(&mut self, name: &str, count: usize) {
        put(&mut self.text, format_args!("{}gunicorn.{name}:{count}|c|@1.0{}", self.prefix, self.tags));
        self.ends.push(self.text.len());
    }

    fn count_status(&mut self, status: [u8; 3], count: usize) {
        self.count(&format!("request.status.{}", String::from_utf8_lossy(&status)), count);
    }

    fn time(&mut self, measure: &Measure) {
        let (whole, part) = (measure.duration_us / 1000, measure.duration_us % 1000);
        let Self { text, prefix, tags, .. } = self;
        put(text, format_args!("{prefix}gunicorn.request.duration:{whole}.{part:03}|ms{tags}"));
        self.ends.push(self.text.len());
    }

    fn send(&mut self) -> io::Result<()> {
        if self.ends.is_empty() || self.line.is_none() && clock::monotonic_ms() < self.retry_at_ms {
            return Ok(());
        }
        if self.line.is_none() {
            self.line = Some(self.address.connect(&self.resolved)?);
        }
        let Some(Line::Datagram(fd)) = &self.line else { return Ok(()) };
        let mut from = 0;
        let metrics: Vec<&[u8]> = self.ends.iter().map(|&end| &self.text[std::mem::replace(&mut from, end)..end]).collect();
        for metrics in metrics.chunks(MAX_DATAGRAMS) {
            let mut sent = 0;
            while sent < metrics.len() {
                match output::send_datagrams(fd.as_fd(), &metrics[sent..]) {
                    Ok(count) => sent += count,
                    // Of an earlier one that nobody took: told once.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionRefused && !self.resolved.is_empty() => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    fn told(prefix: &str, tags: &str, measures: &[Measure]) -> Vec<String> {
        let collector = UdpSocket::bind("127.0.0.1:0").unwrap();
        collector.set_nonblocking(true).unwrap();
        let address = Address::Udp("127.0.0.1".to_owned(), collector.local_addr().unwrap().port());
        StatsdOutlet::new(address, prefix, tags).write(measures);
        let mut room = [0; 500];
        let mut next = || collector.recv(&mut room).ok().map(|count| String::from_utf8_lossy(&room[..count]).into_owned());
        std::iter::from_fn(&mut next).collect()
    }

    #[test]
    fn a_request_is_three_metrics() {
        let measure = Measure { status: Some(*b"200"), duration_us: 12_045 };
        let expected = [
            "site.gunicorn.requests:1|c|@1.0|#a:b,c",
            "site.gunicorn.request.duration:12.045|ms|#a:b,c",
            "site.gunicorn.request.status.200:1|c|@1.0|#a:b,c",
        ];
        assert_eq!(told("site..", "a:b,c", &[measure]), expected);
        let unanswered = Measure { status: None, duration_us: 1 };
        assert_eq!(told("", "", &[unanswered]), ["gunicorn.requests:1|c|@1.0", "gunicorn.request.duration:0.001|ms"]);
    }

    #[test]
    fn many_requests_are_counted_together() {
        let measures: Vec<Measure> = (0..40)
            .map(|number| Measure { status: Some(if number % 4 == 0 { *b"404" } else { *b"200" }), duration_us: number })
            .collect();
        let told = told("", "", &measures);
        assert_eq!(told.len(), 43);
        let counts =
            ["gunicorn.requests:40|c|@1.0", "gunicorn.request.status.200:30|c|@1.0", "gunicorn.request.status.404:10|c|@1.0"];
        assert_eq!(told[40..], counts);
    }
}
