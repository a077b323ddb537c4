//! A sidecar with the module, for tests that speak to it byte by byte.

use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use sallyport_e2e::drivers::envoy::EnvoyDriver;
use sallyport_e2e::envoy::Envoy;
use sallyport_e2e::scenario::Scenario;
use sallyport_e2e::settings::Settings;
use sallyport_e2e::upstream::Echo;
use sallyport_e2e::wire::{Connection, Response, request_text};
use sallyport_e2e::world::{Credentials, TRUST_DOMAIN, World};

/// A sidecar of the corpus policy, with a caller of the gateway segment.
pub(crate) struct Target {
    scenario: Scenario,
    driver: EnvoyDriver<'static>,
}

/// What a sidecar in order answers to whatever request. A crash is a 500 or 503.
const CLEAN_STATUSES: [u16; 6] = [200, 400, 401, 403, 404, 431];

/// A request in the making.
#[derive(Default)]
pub(crate) struct Sent {
    headers: Vec<(String, String)>,
    token: bool,
}

impl Sent {
    pub(crate) fn header(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn with_token(mut self) -> Self {
        self.token = true;
        self
    }

    pub(crate) fn to(&self, method: &str, path: &str) -> Vec<u8> {
        request_text(method, path, &self.headers)
    }
}

impl Target {
    pub(crate) fn start(settings: &Settings) -> Self {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/target.yaml");
        let scenario = Scenario::load(&path).unwrap();
        // The driver borrows both for as long as it lives, which is until the process ends.
        let settings = Box::leak(Box::new(settings.clone()));
        let world = Box::leak(Box::new(World::new(TRUST_DOMAIN).unwrap()));
        let driver = EnvoyDriver::start(settings, world, &scenario).unwrap();
        Self { scenario, driver }
    }

    pub(crate) fn envoy(&self) -> &Envoy {
        self.driver.sidecar().envoy()
    }

    pub(crate) fn connect(&self, name: &str) -> Connection {
        let connection = &self.scenario.connections[name];
        self.driver
            .sidecar()
            .connect(connection, self.credentials())
            .unwrap()
    }

    /// Sends bytes. There must be a complete answer, and not that of a crash; its status.
    pub(crate) fn send(&self, what: &str, bytes: &[u8]) -> u16 {
        let start: Vec<u8> = bytes.iter().take(80).copied().collect();
        let place = format!("{what}: `{}`", start.escape_ascii());
        let response = match self.connect("hybrid").exchange(bytes) {
            Ok(response) => response,
            Err(error) => panic!("{place}: {error}"),
        };
        let status = response.status;
        assert!(
            CLEAN_STATUSES.contains(&status),
            "{place}: {status} {}",
            response.text()
        );
        status
    }

    pub(crate) fn exchange(&self, bytes: &[u8]) -> Response {
        self.connect("hybrid").exchange(bytes).unwrap()
    }

    /// Sends a request that is allowed; what the application saw of it.
    pub(crate) fn allowed(&self, sent: &Sent) -> Echo {
        let mut headers = sent.headers.clone();
        if sent.token {
            headers.extend(
                self.credentials()
                    .token("classical")
                    .unwrap()
                    .headers
                    .clone(),
            );
        }
        let name = if sent.token { "classical" } else { "hybrid" };
        let response = self
            .connect(name)
            .exchange(&request_text("GET", "/v1/models", &headers))
            .unwrap();
        assert_eq!(response.status, 200, "{}", response.text());
        serde_json::from_slice(&response.body).unwrap()
    }

    /// No VM failed, and a caller that did nothing wrong is still allowed.
    pub(crate) fn check_alive(&self) {
        assert_eq!(self.envoy().reloads().unwrap(), [""; 0]);
        let response = self
            .connect("bystander")
            .exchange(&request_text("GET", "/v1/models", &[]))
            .unwrap();
        assert_eq!(response.status, 200, "{}", response.text());
    }

    pub(crate) fn wait_for_access_log(&self, text: &str) {
        let start = Instant::now();
        while !self.envoy().access_log().unwrap().contains(text) {
            assert!(
                start.elapsed() < Duration::from_secs(5),
                "{}",
                self.envoy().access_log().unwrap()
            );
            sleep(Duration::from_millis(50));
        }
    }

    fn credentials(&self) -> &Credentials {
        self.driver.credentials()
    }
}
