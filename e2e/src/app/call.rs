//! The client: it makes requests and says what came of each.

mod connection;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use hyper::header::{HeaderName, HeaderValue};
use tokio::io::AsyncReadExt;
use tokio::sync::Mutex;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use super::args::Call;
use super::outcome::Outcome;
use crate::world::now_ms;
use connection::{Answer, Connection};

/// Makes the requests, and prints a line for each as soon as it is answered.
///
/// # Errors
/// When an option makes no sense, or standard output is closed. A request that fails is no error.
pub async fn call(options: Call) -> io::Result<()> {
    let invalid = |problem| io::Error::new(io::ErrorKind::InvalidInput, problem);
    options.uri(1).map_err(invalid)?;
    let run = Arc::new(Run {
        headers: headers(&options.headers).map_err(invalid)?,
        requests: AtomicU32::new(0),
        connections: AtomicU32::new(0),
        ended: AtomicBool::new(false),
        pace: options.rate.map(pace),
        options,
    });
    if run.options.until_eof {
        drop(tokio::spawn(end_with_input(Arc::clone(&run))));
    }
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..run.options.connections.max(1) {
        workers.spawn(work(Arc::clone(&run)));
    }
    while let Some(ended) = workers.join_next().await {
        ended.map_err(io::Error::other)??;
    }
    Ok(())
}

/// What the connections share.
struct Run {
    options: Call,
    headers: Vec<(HeaderName, HeaderValue)>,
    requests: AtomicU32,
    connections: AtomicU32,
    ended: AtomicBool,
    pace: Option<Mutex<Interval>>,
}

async fn work(run: Arc<Run>) -> io::Result<()> {
    let mut open: Option<Connection> = None;
    while let Some(number) = run.next().await {
        let sent_at_ms = now_ms().0;
        let start = Instant::now();
        let limit = Duration::from_millis(run.options.timeout_ms);
        let answer = match timeout(limit, run.exchange(&mut open, number)).await {
            Ok(answer) => answer,
            Err(_) => Err("no answer in time".to_owned()),
        };
        let mut outcome = Outcome {
            number,
            connection: open.as_ref().map_or(0, Connection::number),
            sent_at_ms,
            took_us: u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX),
            ..Outcome::default()
        };
        // After a failure nothing is known about the connection.
        if answer.is_err() || run.options.new_connections {
            open = None;
        }
        run.fill(&mut outcome, answer);
        outcome.print()?;
    }
    Ok(())
}

impl Run {
    /// The number of the next request, when it is time for it.
    async fn next(&self) -> Option<u32> {
        if let Some(pace) = &self.pace {
            pace.lock().await.tick().await;
        }
        let number = self
            .requests
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1);
        let goes_on = match self.options.until_eof {
            true => !self.ended.load(Ordering::Relaxed),
            false => number <= self.options.count,
        };
        goes_on.then_some(number)
    }

    async fn exchange(&self, open: &mut Option<Connection>, number: u32) -> Result<Answer, String> {
        let uri = self.options.uri(number)?;
        if open.as_ref().is_none_or(Connection::is_closed) {
            let count = self.connections.fetch_add(1, Ordering::Relaxed);
            let fresh = Connection::open(&uri, self.options.protocol, count.saturating_add(1));
            *open = Some(fresh.await?);
        }
        let Some(connection) = open else {
            return Err("no connection".to_owned());
        };
        connection
            .exchange(&self.options.method, &uri, &self.headers)
            .await
    }

    fn fill(&self, outcome: &mut Outcome, answer: Result<Answer, String>) {
        match answer {
            Err(error) => outcome.error = Some(error),
            Ok(answer) => {
                let brief = self.options.brief;
                outcome.answer(answer.status, answer.headers, answer.body, brief);
            }
        }
    }
}

async fn end_with_input(run: Arc<Run>) {
    let mut input = tokio::io::stdin();
    let mut buffer = [0; 64];
    while let Ok(1..) = input.read(&mut buffer).await {}
    run.ended.store(true, Ordering::Relaxed);
}

/// Ticks that were missed are made up for, so that a busy machine makes as many requests as were
/// asked for.
fn pace(rate: u32) -> Mutex<Interval> {
    let period = Duration::from_secs(1).checked_div(rate);
    let mut pace = interval(period.unwrap_or(Duration::from_secs(1)));
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    Mutex::new(pace)
}

fn headers(lines: &[String]) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let parse = |line: &String| {
        let (name, value) = line.split_once(':')?;
        match (name.trim().parse(), value.trim().parse()) {
            (Ok(name), Ok(value)) => Some((name, value)),
            (_, _) => None,
        }
    };
    lines
        .iter()
        .map(|line| parse(line).ok_or_else(|| format!("`{line}` is no header `name: value`")))
        .collect()
}
