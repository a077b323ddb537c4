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
        self.driver.sidecar().connect(connection, self.credentials()).unwrap()
    }

    /// Sends bytes; the answer must be complete, and must not be that of a crash. None where Envoy
    /// closes the connection without an answer, as it may for what is no HTTP.
    pub(crate) fn send(&self, what: &str, bytes: &[u8]) -> Option<u16> {
        let shown: String = bytes.iter().take(80).flat_map(|b| b.escape_ascii()).map(char::from).collect();
        let mut connection = self.connect("hybrid");
        if connection.send(bytes).is_err() {
            return None;
        }
        match connection.receive() {
            Ok(response) => {
                let status = response.status;
                assert!([200, 400, 401, 403, 404, 413, 414, 426, 431, 501].contains(&status),
                    "{what}: {status} {} to {shown}", response.text());
                Some(status)
            }
            Err(_) => None,
        }
    }

    pub(crate) fn exchange(&self, bytes: &[u8]) -> Response {
        self.connect("hybrid").exchange(bytes).unwrap()
    }

    /// Sends a request that is allowed; what the application saw of it.
    pub(crate) fn allowed(&self, sent: &Sent) -> Echo {
        let mut headers = sent.headers.clone();
        if sent.token {
            headers.extend(self.credentials().token("classical").unwrap().headers.clone());
        }
        let name = if sent.token { "classical" } else { "hybrid" };
        let response =
            self.connect(name).exchange(&request_text("GET", "/v1/models", &headers)).unwrap();
        assert_eq!(response.status, 200, "{}", response.text());
        serde_json::from_slice(&response.body).unwrap()
    }

    /// No VM failed, and a caller that did nothing wrong is still allowed.
    pub(crate) fn check_alive(&self) {
        assert_eq!(self.envoy().reloads().unwrap(), [""; 0]);
        let response =
            self.connect("bystander").exchange(&request_text("GET", "/v1/models", &[])).unwrap();
        assert_eq!(response.status, 200, "{}", response.text());
    }

    pub(crate) fn wait_for_access_log(&self, text: &str) {
        let start = Instant::now();
        while !self.envoy().access_log().unwrap().contains(text) {
            assert!(start.elapsed() < Duration::from_secs(5), "{}", self.envoy().access_log().unwrap());
            sleep(Duration::from_millis(50));
        }
    }

    fn credentials(&self) -> &Credentials {
        self.driver.credentials()
    }
}
