//! Requests from pods.

use std::net::SocketAddr;
use std::time::Duration;

use super::cluster::{Cluster, Running};
use super::error::MeshError;
use super::until;
use crate::app::Outcome;

/// A request, or many, from a pod: options of `mesh-app call`.
#[derive(Debug, Clone)]
pub struct Caller {
    pod: String,
    arguments: Vec<String>,
}

/// Requests that are made while something else happens.
#[derive(Debug)]
pub struct Probe {
    running: Running,
    outcomes: Vec<Outcome>,
}

impl Caller {
    /// A GET request of a URL.
    #[must_use]
    pub fn new(pod: &str, url: &str) -> Self {
        Self {
            pod: pod.to_owned(),
            arguments: vec!["call".to_owned(), url.to_owned()],
        }
    }

    /// A request over mutual TLS with stolen credentials, from the pod without a sidecar.
    #[must_use]
    pub fn thief(cluster: &dyn Cluster, address: SocketAddr, path: &str) -> Self {
        Self::with_certificate(&cluster.stolen_credentials(), address, path)
    }

    /// The same with the credentials of a folder.
    #[must_use]
    pub fn with_certificate(folder: &str, address: SocketAddr, path: &str) -> Self {
        let words = ["tls", &address.to_string(), path].map(str::to_owned);
        Self {
            pod: "bare-0".to_owned(),
            arguments: words.to_vec(),
        }
        .option("credentials", folder)
    }

    /// The same with an option that has a value.
    #[must_use]
    pub fn option(mut self, name: &str, value: &str) -> Self {
        self.arguments.push(format!("--{name}"));
        self.arguments.push(value.to_owned());
        self
    }

    /// The same with an option without a value.
    #[must_use]
    pub fn flag(mut self, name: &str) -> Self {
        self.arguments.push(format!("--{name}"));
        self
    }

    /// The same with headers.
    #[must_use]
    pub fn headers(mut self, headers: &[(String, String)]) -> Self {
        for (name, value) in headers {
            self = self.option("header", &format!("{name}: {value}"));
        }
        self
    }

    /// Makes the requests, and says what came of each.
    ///
    /// # Errors
    /// When they cannot be made. A request that fails is no error.
    pub fn call(&self, cluster: &dyn Cluster) -> Result<Vec<Outcome>, MeshError> {
        let text = cluster.exec(&self.pod, &self.arguments)?;
        text.lines().map(outcome).collect()
    }

    /// Makes one request.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn once(&self, cluster: &dyn Cluster) -> Result<Outcome, MeshError> {
        let nothing = || MeshError::Wrong(format!("nothing came of a request of {}", self.pod));
        self.call(cluster)?.pop().ok_or_else(nothing)
    }

    /// Makes requests at a rate, on connections that stay open, until the probe is finished.
    ///
    /// # Errors
    /// When the client cannot be started.
    pub fn probe(self, cluster: &dyn Cluster, rate: u32) -> Result<Probe, MeshError> {
        let caller = self
            .option("rate", &rate.to_string())
            .flag("brief")
            .flag("until-eof");
        let running = cluster.start(&caller.pod, &caller.arguments)?;
        Ok(Probe {
            running,
            outcomes: Vec::new(),
        })
    }
}

impl Probe {
    /// What came of each request so far.
    ///
    /// # Errors
    /// When the client failed.
    pub fn so_far(&mut self) -> Result<&[Outcome], MeshError> {
        for line in self.running.news()? {
            self.outcomes.push(outcome(&line)?);
        }
        Ok(&self.outcomes)
    }

    /// Waits until something is found in what came of the requests so far.
    ///
    /// # Errors
    /// When it is not found in time, or the client failed.
    pub fn until<T>(
        &mut self,
        what: &str,
        limit: Duration,
        find: impl Fn(&[Outcome]) -> Option<T>,
    ) -> Result<T, MeshError> {
        until(what, limit, || match self.so_far() {
            Ok(outcomes) => {
                let last = || format!("{} requests, last: {:?}", outcomes.len(), outcomes.last());
                find(outcomes).map(Ok).ok_or_else(last)
            }
            Err(error) => Ok(Err(error)),
        })?
    }

    /// Ends the requests, and says what came of each.
    ///
    /// # Errors
    /// When the client failed.
    pub fn finish(self) -> Result<Vec<Outcome>, MeshError> {
        let mut outcomes = self.outcomes;
        for line in self.running.finish()? {
            outcomes.push(outcome(&line)?);
        }
        Ok(outcomes)
    }
}

fn outcome(line: &str) -> Result<Outcome, MeshError> {
    serde_json::from_str(line).map_err(|cause| MeshError::Output {
        program: "mesh-app call".to_owned(),
        problem: format!("{cause}: {line}"),
    })
}
