//! Replays generated requests and prints a digest of each score and state: `digest [REQUESTS]`.
//!
//! It prints the same line natively and as WebAssembly; scripts/test compares them.

use std::process::ExitCode;

use sallyport_engine::policy::compile;
use sallyport_simulation::generate::{Generator, POLICY, Plan, Scenario};
use sallyport_simulation::replay::Replay;

fn main() -> ExitCode {
    let requests = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "1000000".to_owned());
    let (Ok(requests), Ok(document)) = (requests.parse::<usize>(), serde_json::from_str(POLICY))
    else {
        eprintln!("usage: digest [REQUESTS]");
        return ExitCode::from(3);
    };
    let Ok(policy) = compile(&document) else {
        eprintln!("the policy of the simulated mesh does not compile");
        return ExitCode::from(1);
    };
    let mut digest = Digest(0xcbf2_9ce4_8422_2325);
    let mut count = 0_usize;
    let mut seed = 0;
    while count < requests {
        for scenario in Scenario::ALL {
            let plan = Plan {
                scenario,
                seed,
                peers: 12,
                days: 1,
            };
            let mut replay = Replay::new(&policy, 500);
            for event in Generator::new(&plan).take(requests - count) {
                let step = replay.step(&event);
                let state = replay.state(&event.connection.key);
                digest.add(&format!(
                    "{} {:?} {step:?} {state:?}",
                    event.at.0, event.outcome
                ));
                count += 1;
            }
        }
        seed += 1;
    }
    println!("{count} requests, {:016x}", digest.0);
    ExitCode::SUCCESS
}

/// FNV-1a: it is to find differences, not forgers.
struct Digest(u64);

impl Digest {
    fn add(&mut self, text: &str) {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}
