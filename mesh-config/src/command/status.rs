//! `sallyport status`: is it on?

use std::path::Path;
use std::time::Duration;

use sallyport_mesh_config::bounded;
use sallyport_mesh_config::finding::Printable;
use sallyport_mesh_config::policy_file::LoadedPolicy;
use sallyport_mesh_config::status::{self, Expected, State, Status, Uncovered};
use serde::Serialize;
use serde_json::Value;

use super::failure::Failure;
use super::{inventory, policy};
use crate::args::{Output, StatusArgs};
use crate::clock;
use crate::exit::Exit;
use crate::terminal::{self, Tone, toned};

/// What is known of a proxy.
#[derive(Serialize)]
struct Proxy {
    /// Where it was asked.
    proxy: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    /// Why it did not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreachable: Option<String>,
}

#[derive(Serialize)]
struct Report {
    ok: bool,
    proxies: Vec<Proxy>,
    /// The manifests of artifacts that the policy requires.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    manifests: Vec<Manifest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uncovered: Option<Vec<Uncovered>>,
}

/// A manifest of artifacts, and when it ends.
#[derive(Serialize)]
struct Manifest {
    name: String,
    serial: u64,
    not_after: String,
    in_force: bool,
}

pub(super) fn run(args: &StatusArgs, output: Output) -> Result<Exit, Failure> {
    let mut manifests = Vec::new();
    let expected = match &args.policy {
        Some(path) => {
            let loaded = policy::load(path, args.mesh.as_deref())?;
            manifests = self::manifests(&loaded);
            Some(Expected::of(&loaded)?)
        }
        None => None,
    };
    let (agent, now) = (agent(), clock::now());
    let admin = args.admin.iter();
    let admin = admin.map(|address| (address, ask_admin(&agent, address)));
    let metrics = args
        .metrics
        .iter()
        .map(|place| (place, text(&agent, place).map(|text| (text, None))));
    let proxies: Vec<Proxy> = admin
        .chain(metrics)
        .map(|(place, answer)| match answer {
            Ok((metrics, dump)) => Proxy {
                proxy: place.clone(),
                status: Some(status::status(
                    &metrics,
                    dump.as_ref(),
                    expected.as_ref(),
                    now,
                )),
                unreachable: None,
            },
            Err(why) => Proxy {
                proxy: place.clone(),
                status: None,
                unreachable: Some(why),
            },
        })
        .collect();
    let inventory = inventory::read(&args.inventory)?.inventory;
    let is_on = |proxy: &Proxy| {
        proxy
            .status
            .as_ref()
            .is_some_and(|status| fits(status, args))
    };
    let report = Report {
        ok: proxies.iter().all(is_on) && manifests.iter().all(|manifest| manifest.in_force),
        manifests,
        uncovered: inventory.as_ref().map(status::uncovered),
        proxies,
    };
    let text = match output {
        Output::Json => {
            serde_json::to_string_pretty(&report).map_err(|_| Failure::Encoding("JSON"))?
        }
        Output::Text => lines(&report).join("\n"),
    };
    terminal::line(text).map_err(Failure::Output)?;
    Ok(
        if report
            .proxies
            .iter()
            .any(|proxy| proxy.unreachable.is_some())
        {
            Exit::Failure
        } else if report.ok {
            Exit::Ok
        } else {
            Exit::Findings
        },
    )
}

fn manifests(loaded: &LoadedPolicy) -> Vec<Manifest> {
    let now = clock::now();
    let manifests = loaded.policy.manifests().iter();
    manifests
        .map(|manifest| Manifest {
            name: manifest.name().to_string(),
            serial: manifest.serial(),
            not_after: clock::show(manifest.not_after()),
            in_force: manifest.is_in_force(now),
        })
        .collect()
}

/// The metrics and the configuration of a proxy.
fn ask_admin(agent: &ureq::Agent, address: &str) -> Result<(String, Option<Value>), String> {
    let metrics = get(agent, &format!("http://{address}/stats?format=prometheus"))?;
    let dump = get(agent, &format!("http://{address}/config_dump"))?;
    match serde_json::from_str(&dump) {
        Ok(dump) => Ok((metrics, Some(dump))),
        Err(_) => Err("its configuration is no JSON".to_owned()),
    }
}

fn fits(status: &Status, args: &StatusArgs) -> bool {
    let on = match status.state {
        State::OnEnforce => true,
        State::OnShadow => !args.require_enforce,
        State::Off | State::Rejected => false,
    };
    on && !status.other_policy
}

fn lines(report: &Report) -> Vec<String> {
    let mut lines: Vec<String> = report.proxies.iter().flat_map(proxy).collect();
    for manifest in &report.manifests {
        let (tone, word) = if manifest.in_force {
            (Tone::Good, "in force")
        } else {
            (Tone::Bad, "not in force")
        };
        lines.push(format!(
            "manifest {}: {}, serial {}, until {}",
            Printable(&manifest.name),
            toned(tone, word),
            manifest.serial,
            manifest.not_after
        ));
    }
    if let Some(uncovered) = &report.uncovered {
        for place in uncovered {
            let port = place
                .port
                .map_or(String::new(), |port| format!(", port {port}"));
            let word = toned(Tone::Warning, "not covered");
            lines.push(format!(
                "{word}: {}{port}: {}",
                Printable(&place.workload),
                place.why
            ));
        }
        if uncovered.is_empty() {
            let word = toned(Tone::Good, "covered");
            lines.push(format!(
                "{word}: all declared ports of the workloads, where it is on"
            ));
        }
    }
    lines
}

/// What is to say of a proxy, and a line for each grant that is in force in it.
fn proxy(proxy: &Proxy) -> Vec<String> {
    let status = proxy.status.iter();
    let grants = status.flat_map(|status| status.grants.iter().flatten());
    let grants = grants.map(|grant| {
        let word = toned(Tone::Warning, "grant");
        format!("  {word} {grant}")
    });
    [line(proxy)].into_iter().chain(grants).collect()
}

fn line(proxy: &Proxy) -> String {
    let place = Printable(&proxy.proxy);
    let Some(status) = &proxy.status else {
        let why = proxy.unreachable.as_deref().unwrap_or_default();
        return format!(
            "{place}: {}: {}",
            toned(Tone::Bad, "NO ANSWER"),
            Printable(why)
        );
    };
    let tone = match status.state {
        State::OnEnforce => Tone::Good,
        State::OnShadow => Tone::Warning,
        State::Off | State::Rejected => Tone::Bad,
    };
    let mut parts = vec![format!("{place}: {}", toned(tone, status.state.as_str()))];
    if let Some(hash) = status.policy_hash {
        let policy = match (&status.policy, status.other_policy) {
            (Some(policy), _) => format!(" ({policy})"),
            (None, true) => format!(" ({})", toned(Tone::Bad, "another policy")),
            (None, false) => String::new(),
        };
        parts.push(format!("policy_hash {hash}{policy}"));
        parts.push(format!(
            "{} denied, {} would be",
            status.denied, status.would_deny
        ));
    }
    if status.state == State::Rejected {
        let rest = match status.policy_hash {
            Some(_) => "the last good one still serves",
            None => "none is serving",
        };
        parts.push(format!(
            "the last configuration was rejected, {rest}; the log says why"
        ));
    }
    for configured in status.configured.iter().flatten() {
        let digest = configured.module_sha256.as_ref();
        let digest = digest.map_or(String::new(), |digest| {
            format!(" sha256 {}", Printable(digest))
        });
        parts.push(format!("module {}{digest}", Printable(&configured.module)));
    }
    if status.configured.as_ref().is_some_and(Vec::is_empty) {
        parts.push("no listener has the filter".to_owned());
    }
    let mut warn = |holds: bool, text: String| {
        if holds {
            parts.push(toned(Tone::Warning, &text));
        }
    };
    warn(status.break_glass, "a break-glass lasts".to_owned());
    let (reloads, passed) = (status.vm_reloads, status.passed_unconfigured);
    warn(
        reloads > 0,
        format!("{reloads} VMs were loaded anew after a failure"),
    );
    warn(passed > 0, format!("{passed} requests passed unchecked"));
    parts.extend(hint(status).map(str::to_owned));
    parts.join(", ")
}

/// What to do where it is off, or is another policy's.
const fn hint(status: &Status) -> Option<&'static str> {
    match status.state {
        State::Off => {
            Some("the proxy has no filter with a policy: render and apply one, or look at its log")
        }
        State::OnEnforce | State::OnShadow if !status.other_policy => None,
        State::OnEnforce | State::OnShadow if status.break_glass => {
            Some("a policy with a break-glass has a hash of its own")
        }
        State::OnEnforce | State::OnShadow => Some(
            "render and apply the policy, with the same `--mesh` here and there, or give the policy that is in force",
        ),
        State::Rejected => None,
    }
}

/// Nothing but the port that was named is asked: no proxy, no other place.
fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .max_redirects(0)
        .proxy(None)
        .build();
    config.into()
}

fn get(agent: &ureq::Agent, url: &str) -> Result<String, String> {
    let mut response = agent.get(url).call().map_err(|error| error.to_string())?;
    let body = response
        .body_mut()
        .with_config()
        .limit(u64::from(MAXIMUM_MEBIBYTES) * 1024 * 1024);
    body.read_to_string().map_err(|error| error.to_string())
}

fn text(agent: &ureq::Agent, place: &str) -> Result<String, String> {
    if place.starts_with("http://") {
        return get(agent, place);
    }
    let read = bounded::file(Path::new(place), MAXIMUM_MEBIBYTES);
    read.map_err(|error| error.to_string())
}

const TIMEOUT: Duration = Duration::from_secs(10);
/// The configuration of a large gateway.
const MAXIMUM_MEBIBYTES: u32 = 64;
