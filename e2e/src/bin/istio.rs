//! `istio`: brings up a mesh, runs the scenarios on it and takes it down. Started by
//! `scripts/e2e-istio`, as the first process of namespaces of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use clap::Parser;
use sallyport_e2e::mesh::kind::{Kind, Settings as KindSettings};
use sallyport_e2e::mesh::netns::{Mesh, Programs, is_isolated};
use sallyport_e2e::mesh::scenarios::Stage;
use sallyport_e2e::mesh::{Cluster, MeshError, Profile, Report};
use sallyport_e2e::settings::{Settings, project_root};
use sallyport_e2e::{HarnessError, mesh};
use tokio::signal::unix::{SignalKind, signal};

/// Brings up a mesh and runs the scenarios on it.
#[derive(Debug, Parser)]
struct Arguments {
    /// Leave the mesh running until it is ended.
    #[arg(long)]
    keep: bool,
    /// Run only the steps whose name contains this, and those that others need.
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// Run in the kind cluster of this name, which `scripts/e2e-kind` made.
    #[arg(long, value_name = "NAME")]
    kind: Option<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.kind.is_none() && !is_isolated() {
        anstream::eprintln!(
            "error: start it by `make e2e-istio`, which gives it namespaces of its own"
        );
        return ExitCode::from(TROUBLE);
    }
    drop(thread::spawn(end_at_signal));
    match run(&arguments) {
        Ok((_, 0)) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(DIFFERENT),
        Err(error) => {
            anstream::eprintln!("error: {error}");
            ExitCode::from(TROUBLE)
        }
    }
}

fn run(arguments: &Arguments) -> Result<(usize, usize), MeshError> {
    let place = arguments.kind.as_ref().map_or("istio", |_| "kind");
    let folder = project_root().join("target/e2e").join(place);
    let logs = folder.join("logs");
    let make = |path: &Path| fs::create_dir_all(path).map_err(|cause| failed(path, cause));
    make(&logs)?;
    let profile = Profile::from_environment()?;
    let mut report = Report::new(profile);
    let mut running = None;
    report.step("the mesh comes up", |notes| {
        let start = Instant::now();
        let mesh: Box<dyn Cluster> = match &arguments.kind {
            Some(name) => Box::new(Kind::start(kind_settings(name)?, &folder.join("policy"))?),
            None => Box::new(Mesh::start(&programs()?, &logs)?),
        };
        notes.add("pods", mesh::layout::pods().len());
        notes.add("seconds", start.elapsed().as_secs());
        running = Some(Stage::new(mesh, profile));
        Ok(())
    });
    if let Some(stage) = &mut running {
        stage.run(&arguments.only, &mut report);
    }
    let (passed, failed_steps) = report.counts();
    report.write(&folder.join("report.json"))?;
    anstream::println!("istio: {passed} passed, {failed_steps} failed");
    if arguments.keep && running.is_some() {
        let kept = folder.join("kept");
        fs::write(&kept, "").map_err(|cause| failed(&kept, cause))?;
        loop {
            thread::park();
        }
    }
    Ok((passed, failed_steps))
}

fn programs() -> Result<Programs, HarnessError> {
    let settings = Settings::from_environment()?;
    let own = std::env::current_exe().map_err(|cause| failed(Path::new("istio"), cause))?;
    let istio = std::env::var_os("ISTIO_TOOLS");
    Ok(Programs {
        istio: istio.map_or_else(|| project_root().join(".tools/istio"), PathBuf::from),
        envoy: settings.envoy,
        wasm: settings.wasm,
        app: own.with_file_name("mesh-app"),
    })
}

fn kind_settings(name: &str) -> Result<KindSettings, HarnessError> {
    let programs = programs()?;
    let image = |variable| std::env::var(variable).map_err(|_| HarnessError::NotSet(variable));
    Ok(KindSettings {
        tools: programs.istio,
        name: name.to_owned(),
        shared: project_root().join("target/e2e/kind/node"),
        wasm: programs.wasm,
        pilot: image("ISTIO_PILOT_IMAGE")?,
        proxy: image("ISTIO_PROXY_IMAGE")?,
    })
}

/// The first process of a namespace gets only the signals that it handles. When it ends, the kernel
/// ends all others.
fn end_at_signal() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let Ok(runtime) = runtime else { return };
    runtime.block_on(async {
        let (interrupt, terminate) = (
            signal(SignalKind::interrupt()),
            signal(SignalKind::terminate()),
        );
        if let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            anstream::eprintln!("interrupted: the mesh ends");
            std::process::exit(INTERRUPTED);
        }
    });
}

fn failed(path: &Path, cause: std::io::Error) -> HarnessError {
    HarnessError::File {
        path: path.to_owned(),
        cause,
    }
}

/// A step failed.
const DIFFERENT: u8 = 1;
/// Wrong usage, or something around the mesh failed.
const TROUBLE: u8 = 3;
/// As shells have it for a program that ctrl-C ended.
const INTERRUPTED: i32 = 130;
