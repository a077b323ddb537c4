//! What a decision costs with ten thousand peers in the table, and what the table takes.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::float_arithmetic,
    clippy::indexing_slicing,
    unsafe_code,
    reason = "a measurement, not part of a program"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use sallyport_bench::mesh::{ALLOWED, Caller, Shape, Stand, headers};
use sallyport_engine::time::TimeMs;
use sallyport_engine::trust::PeerState;

const PEERS: usize = 10_000;
const SAMPLE: usize = 200;

fn main() {
    let callers: Vec<Caller> = (0..PEERS as u64).map(Caller::new).collect();
    let before = allocated_bytes();
    let mut stand = Stand::new(Shape::of(1).policy(), 0);
    let mut ask = |caller: &Caller, path: &str, responds: bool| {
        stand.now = TimeMs(stand.now.0 + 1);
        std::hint::black_box(stand.ask(caller, &headers(path)));
        if responds {
            stand.respond(caller);
        }
    };
    // Each peer has some evidence, so that there is something to add up.
    for path in ["/forbidden-a", "/forbidden-b", "/forbidden-c"] {
        callers.iter().for_each(|caller| ask(caller, path, false));
    }
    println!("state of a peer: {} bytes", size_of::<PeerState>());
    println!(
        "table of {PEERS} peers: {} KiB",
        (allocated_bytes() - before) / 1024
    );

    for (name, responds) in [("request", false), ("request and response", true)] {
        let nanoseconds = median(20 * PEERS, |number| {
            ask(&callers[number % PEERS], ALLOWED, responds);
        });
        println!("{name}: {nanoseconds:.0} ns, another peer each time");
    }
    let nanoseconds = median(20 * PEERS, |_| ask(&callers[0], ALLOWED, false));
    println!("request: {nanoseconds:.0} ns, the same peer again");

    let nanoseconds = median(2 * PEERS, |number| {
        ask(&Caller::new((PEERS + number) as u64), ALLOWED, false);
    });
    println!("request: {nanoseconds:.0} ns, a new peer in a full table (its facts included)");
}

/// The median time of a call, in nanoseconds. Samples are shorter than the turns that a busy system
/// gives to programs.
fn median(calls: usize, mut call: impl FnMut(usize)) -> f64 {
    let mut samples: Vec<f64> = (0..calls / SAMPLE)
        .map(|sample| {
            let started = Instant::now();
            for number in 0..SAMPLE {
                call(sample * SAMPLE + number);
            }
            started.elapsed().as_nanos() as f64 / SAMPLE as f64
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// Counts what is allocated: the same number on each machine.
struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: hands on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the rules of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the rules of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocated_bytes() -> usize {
    ALLOCATED.load(Ordering::Relaxed)
}
