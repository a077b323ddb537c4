//! Envoy processes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use super::records::Journal;
use crate::HarnessError;
use crate::settings::Settings;
use crate::wire::{Response, ask, loopback};

/// All Envoys of a program, so that they can be ended together, from whichever thread.
#[derive(Debug, Clone, Default)]
pub struct Processes(Arc<Mutex<Vec<Child>>>);

/// A running Envoy. Dropping it ends the process.
#[derive(Debug)]
pub struct Envoy {
    processes: Processes,
    id: u32,
    admin_port: u16,
    log: PathBuf,
    access_log: PathBuf,
}

#[derive(Deserialize)]
struct Listeners {
    #[serde(default)]
    listener_statuses: Vec<ListenerStatus>,
}

#[derive(Deserialize)]
struct ListenerStatus {
    name: String,
    local_address: Address,
}

#[derive(Deserialize)]
struct Address {
    socket_address: SocketAddress,
}

#[derive(Deserialize)]
struct SocketAddress {
    port_value: u16,
}

// === impl Envoy ===

impl Envoy {
    /// Starts an Envoy with a bootstrap configuration and waits until it serves. Its files,
    /// `<name>.json`, `.log`, `.access.log` and `.admin`, are in `folder`.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(
        settings: &Settings,
        folder: &Path,
        name: &str,
        bootstrap: &Value,
        processes: &Processes,
    ) -> Result<Self, HarnessError> {
        let file = |extension: &str| folder.join(format!("{name}.{extension}"));
        let (config, admin) = (file("json"), file("admin"));
        let (log, access_log) = (file("log"), file("access.log"));
        let failed = |path: &PathBuf| {
            let path = path.clone();
            move |cause| HarnessError::File { path, cause }
        };
        for old in [&config, &admin] {
            if old.exists() {
                fs::remove_file(old).map_err(failed(old))?;
            }
        }
        write_secret(&config, &bootstrap.to_string()).map_err(failed(&config))?;
        let child = Command::new(&settings.envoy)
            .args([
                "--concurrency",
                &settings.workers.to_string(),
                "--disable-hot-restart",
                "-l",
                "warning",
            ])
            .args(["--file-flush-interval-msec", "50", "-c"])
            .arg(&config)
            .arg("--admin-address-path")
            .arg(&admin)
            .stdin(Stdio::null())
            .stdout(File::create(&access_log).map_err(failed(&access_log))?)
            .stderr(File::create(&log).map_err(failed(&log))?)
            .spawn()
            .map_err(|cause| HarnessError::file(&settings.envoy, cause))?;
        let processes = processes.clone();
        let id = child.id();
        processes.add(child);
        let mut envoy = Self {
            processes,
            id,
            admin_port: 0,
            log,
            access_log,
        };
        envoy.wait_until_ready(&admin)?;
        Ok(envoy)
    }

    /// The process id.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// The port of a listener.
    ///
    /// # Errors
    /// When there is no such listener.
    pub fn port(&self, listener: &str) -> Result<u16, HarnessError> {
        let body = self.ask("GET", "/listeners?format=json")?.body;
        let listeners: Listeners =
            serde_json::from_slice(&body).map_err(|cause| HarnessError::Json {
                what: "Envoy's list of listeners",
                cause,
            })?;
        listeners
            .listener_statuses
            .iter()
            .find(|status| status.name == listener)
            .map(|status| status.local_address.socket_address.port_value)
            .ok_or_else(|| HarnessError::EnvoySilent(format!("a listener `{listener}`")))
    }

    /// The processor time that it has used, in ticks of Linux: hundredths of a second.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn cpu_ticks(&self) -> Result<u64, HarnessError> {
        let path = PathBuf::from(format!("/proc/{}/stat", self.id));
        let stat = fs::read_to_string(&path).map_err(|cause| HarnessError::file(&path, cause))?;
        // The name, in parentheses, may have spaces. Of what follows, proc(5) counts from the third
        // field; those of user and system time are the 14th and 15th.
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks = fields.split_ascii_whitespace().skip(11).take(2);
        ticks
            .map(|field| number::<u64>("processor time", field))
            .sum()
    }

    /// A statistic; none when Envoy does not have it.
    ///
    /// # Errors
    /// When Envoy does not answer.
    pub fn stat(&self, name: &str) -> Result<Option<u64>, HarnessError> {
        let prefix = format!("{name}: ");
        let text = self.ask("GET", "/stats")?.text();
        let mut values = text.lines().filter_map(|line| line.strip_prefix(&prefix));
        values.next().map(|value| number(name, value)).transpose()
    }

    /// All statistics whose name contains a text, with their values.
    ///
    /// # Errors
    /// When Envoy does not answer.
    pub fn stats_with(&self, part: &str) -> Result<Vec<(String, String)>, HarnessError> {
        let text = self.ask("GET", "/stats")?.text();
        let pairs = text.lines().filter_map(|line| line.split_once(": "));
        Ok(pairs
            .filter(|(name, _)| name.contains(part))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }

    /// Each VM that failed, as a statistic with its value; none while all is well.
    ///
    /// # Errors
    /// When Envoy does not answer.
    pub fn reloads(&self) -> Result<Vec<String>, HarnessError> {
        let stats = self.stats_with("vm_reload")?;
        Ok(stats
            .into_iter()
            .filter(|(_, value)| value != "0")
            .map(|(name, value)| format!("{name}: {value}"))
            .collect())
    }

    /// Asks the administration interface.
    ///
    /// # Errors
    /// When Envoy does not answer.
    pub fn ask(&self, method: &str, path: &str) -> Result<Response, HarnessError> {
        ask(loopback(self.admin_port), method, path)
    }

    /// The log so far.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn log(&self) -> Result<String, HarnessError> {
        read_lossy(&self.log)
    }

    /// The access log so far: status, details and flags of each answer.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn access_log(&self) -> Result<String, HarnessError> {
        read_lossy(&self.access_log)
    }

    fn wait_until_ready(&mut self, admin: &Path) -> Result<(), HarnessError> {
        let end = after(START_TIMEOUT);
        loop {
            if self.processes.has_ended(self.id) {
                return Err(self.not_started("the process ended"));
            }
            if let Ok(port) = admin_port(admin)
                && ask(loopback(port), "GET", "/ready").is_ok_and(|response| response.status == 200)
            {
                self.admin_port = port;
                return Ok(());
            }
            if Instant::now() >= end {
                return Err(self.not_started("it was not ready in time"));
            }
            thread::sleep(POLL);
        }
    }

    fn not_started(&self, problem: &'static str) -> HarnessError {
        let log = self.log().unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines.iter().skip(lines.len().saturating_sub(15)).copied();
        let log = tail.collect::<Vec<_>>().join("\n");
        HarnessError::EnvoyStart {
            problem,
            path: self.log.clone(),
            log,
        }
    }
}

impl Journal for Envoy {
    fn text(&self) -> Result<String, HarnessError> {
        self.log()
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        self.processes.end(self.id);
    }
}

// === impl Processes ===

impl Processes {
    /// Ends all processes, and waits until they have.
    pub fn end_all(&self) {
        for mut child in self.lock().drain(..) {
            end(&mut child);
        }
    }

    /// Takes over a process, of whichever program.
    pub fn add(&self, child: Child) {
        self.lock().push(child);
    }

    /// Ends one of them, and waits until it has.
    pub fn end(&self, id: u32) {
        let mut children = self.lock();
        if let Some(place) = children.iter().position(|child| child.id() == id) {
            end(&mut children.swap_remove(place));
        }
    }

    fn has_ended(&self, id: u32) -> bool {
        let mut children = self.lock();
        let child = children.iter_mut().find(|child| child.id() == id);
        child.is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Child>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A bootstrap holds private keys.
fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?
        .write_all(text.as_bytes())
}

/// Envoy keeps nothing that a kill could spoil.
fn end(child: &mut Child) {
    // Both fail only for a process that has ended already.
    let _ = child.kill();
    let _ = child.wait();
}

/// A number that Envoy shows.
///
/// # Errors
/// When it is none.
pub(crate) fn number<T: FromStr>(what: &str, text: &str) -> Result<T, HarnessError> {
    text.trim()
        .parse()
        .map_err(|_| HarnessError::EnvoySilent(format!("a number as {what}: {text}")))
}

/// Fails while Envoy has not written the address yet.
fn admin_port(path: &Path) -> Result<u16, HarnessError> {
    let text = fs::read_to_string(path).map_err(|cause| HarnessError::file(path, cause))?;
    number("its port", text.rsplit(':').next().unwrap_or_default())
}

fn read_lossy(path: &Path) -> Result<String, HarnessError> {
    let bytes = fs::read(path).map_err(|cause| HarnessError::file(path, cause))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn after(duration: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(duration).unwrap_or(now)
}

/// Compiling the module takes seconds on a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);
