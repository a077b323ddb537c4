//! How the cost of a request grows with what a mesh, a worker and a request hold: prints JSON, whose
//! form is in docs/performance.md. The same program runs natively and as WebAssembly.
#![expect(
    clippy::as_conversions,
    clippy::expect_used,
    clippy::float_arithmetic,
    clippy::panic,
    clippy::unwrap_used,
    unsafe_code,
    reason = "a measurement, not part of a program"
)]

use std::alloc::{GlobalAlloc, Layout as Memory, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use sallyport_bench::mesh::{ALLOWED, Caller, DENIED, Layout, Shape, Stand, headers};
use sallyport_credentials::{AuthoritySet, certificate, pem};
use sallyport_engine::policy::raw::{Authorities, PolicyDocument};
use sallyport_engine::policy::{Policy, compile};
use serde::Serialize;

/// All that was measured.
#[derive(Serialize)]
struct Growth {
    /// Of this form.
    version: u32,
    /// `wasm32` or the processor.
    target: &'static str,
    curves: Vec<Curve>,
    /// Bytes that are held.
    memory: Vec<(&'static str, f64)>,
}

#[derive(Serialize)]
struct Curve {
    name: &'static str,
    /// What grows.
    of: &'static str,
    unit: &'static str,
    points: Vec<(f64, f64)>,
}

fn main() {
    let growth = Growth {
        version: 1,
        target: std::env::consts::ARCH,
        curves: least(PASSES),
        memory: memory(),
    };
    println!("{}", serde_json::to_string(&growth).unwrap());
}

/// What else the machine does makes a stretch of time slower, and never faster. So each point is the
/// least of its medians in passes that lie seconds apart.
fn least(passes: usize) -> Vec<Curve> {
    let mut least = curves();
    for _ in 1..passes {
        for (curve, again) in least.iter_mut().zip(curves()) {
            for ((_, time), (_, again)) in curve.points.iter_mut().zip(again.points) {
                *time = time.min(again);
            }
        }
    }
    least
}

fn curves() -> Vec<Curve> {
    vec![
        flows("allowed", Layout::Apart, ALLOWED, &TO_TEN_THOUSAND),
        flows("refused", Layout::Apart, DENIED, &TO_TEN_THOUSAND),
        parallel(),
        segments(),
        peers("same caller", |_, _| 0),
        peers("another caller each time", |number, peers| number % peers),
        header_count(),
        header_size(),
        configuration(),
    ]
}

const PASSES: usize = 5;
const TO_TEN_THOUSAND: [usize; 5] = [1, 10, 100, 1_000, 10_000];

fn curve(
    name: &'static str,
    of: &'static str,
    sizes: &[usize],
    mut measure: impl FnMut(usize) -> f64,
) -> Curve {
    let points = sizes.iter().map(|size| (*size as f64, measure(*size)));
    Curve {
        name,
        of,
        unit: "ns",
        points: points.collect(),
    }
}

fn flows(name: &'static str, layout: Layout, path: &str, sizes: &[usize]) -> Curve {
    curve(name, "flows", sizes, |flows| {
        request(
            Shape {
                layout,
                ..Shape::of(flows)
            },
            &headers(path),
        )
    })
}

/// The last of the flows covers the request.
fn parallel() -> Curve {
    curve(
        "between the same segments",
        "flows",
        &[1, 4, 16, 64, 256],
        |flows| {
            let path = format!("/v1/area-{}/items/7", flows - 1);
            let layout = Layout::Parallel;
            request(
                Shape {
                    layout,
                    ..Shape::of(flows)
                },
                &headers(&path),
            )
        },
    )
}

fn segments() -> Curve {
    curve("segments", "segments", &[2, 20, 200, 2_000], |segments| {
        request(
            Shape {
                segments,
                ..Shape::default()
            },
            &headers(ALLOWED),
        )
    })
}

fn request(shape: Shape, headers: &[(&[u8], &[u8])]) -> f64 {
    let mut stand = Stand::new(shape.policy(), 1);
    let caller = Caller::new(0);
    nanoseconds(|_| {
        black_box(stand.ask(&caller, headers));
    })
}

/// Request and response. The filter's own table holds 10 000.
fn peers(name: &'static str, which: impl Fn(usize, usize) -> usize) -> Curve {
    curve(
        name,
        "peers",
        &[1, 10, 100, 1_000, 10_000, 100_000],
        |peers| {
            let mut stand = Stand::new(Shape::default().policy(), peers as u64);
            let callers: Vec<Caller> = (0..peers as u64).map(Caller::new).collect();
            let headers = headers(ALLOWED);
            nanoseconds(|number| {
                let caller = callers.get(which(number, peers)).expect("a caller");
                black_box(stand.ask(caller, &headers));
                stand.respond(caller);
            })
        },
    )
}

fn header_count() -> Curve {
    curve(
        "headers of 20 bytes",
        "headers",
        &[12, 25, 50, 100, 200],
        |count| {
            let names: Vec<String> = (12..count)
                .map(|number| format!("x-app-{number}"))
                .collect();
            let mut headers = headers(ALLOWED);
            headers.extend(
                names
                    .iter()
                    .map(|name| (name.as_bytes(), &b"twenty bytes of text"[..])),
            );
            request(Shape::default(), &headers)
        },
    )
}

fn header_size() -> Curve {
    curve(
        "one large header",
        "bytes",
        &[100, 1_000, 10_000, 50_000],
        |bytes| {
            let value = "a".repeat(bytes);
            let mut headers = headers(ALLOWED);
            headers.push((b"cookie", value.as_bytes()));
            request(Shape::default(), &headers)
        },
    )
}

/// From the text to a policy.
fn configuration() -> Curve {
    curve("reading a policy", "flows", &TO_TEN_THOUSAND, |flows| {
        let text = Shape::of(flows).text();
        let mut times: Vec<f64> = (0..9)
            .map(|_| {
                let started = Instant::now();
                black_box(read(&text));
                started.elapsed().as_nanos() as f64
            })
            .collect();
        times.sort_by(f64::total_cmp);
        times.get(4).copied().expect("a median")
    })
}

fn read(text: &str) -> Policy {
    let document: PolicyDocument = serde_json::from_str(text).unwrap();
    compile(&document).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn memory() -> Vec<(&'static str, f64)> {
    let flows = |flows| {
        let text = Shape::of(flows).text();
        held(|| read(&text))
    };
    let peers = |peers| held(|| Stand::new(Shape::default().policy(), peers));
    vec![
        ("a flow", (flows(10_000) - flows(100)) / 9_900.0),
        ("a peer", (peers(10_000) - peers(100)) / 9_900.0),
        ("a verified certificate", held(verified_certificate)),
        ("a connection", held(|| Box::new(Caller::new(0)))),
    ]
}

/// The bytes that a value holds on the heap.
fn held<T>(make: impl FnOnce() -> T) -> f64 {
    let before = ALLOCATED.load(Ordering::Relaxed);
    let value = make();
    let after = ALLOCATED.load(Ordering::Relaxed);
    drop(black_box(value));
    after as f64 - before as f64
}

/// What the filter remembers of a hybrid certificate.
fn verified_certificate() -> Box<dyn std::any::Any> {
    let text = include_str!("../../../credentials/tests/vectors/credentials.json");
    let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
    let case = vectors.pointer("/cases/0").expect("a case");
    let set = vectors.pointer("/authorities/certificates").expect("a set");
    let authorities: Authorities = serde_json::from_value(set.clone()).unwrap();
    let set = AuthoritySet::new(Some(&authorities)).unwrap_or_else(|errors| panic!("{errors:?}"));
    let text = case.pointer("/input/pem").and_then(|pem| pem.as_str());
    let der = pem::decode_certificate(text.expect("PEM").as_bytes()).expect("DER");
    Box::new(([0_u8; 32], certificate::read(&set, &der)))
}

/// The median time of a call. Samples are shorter than the turns that a busy system gives to
/// programs.
fn nanoseconds(mut call: impl FnMut(usize)) -> f64 {
    const SAMPLE: usize = 500;
    let mut samples: Vec<f64> = (0..101)
        .map(|sample| {
            let started = Instant::now();
            (0..SAMPLE).for_each(|number| call(sample * SAMPLE + number));
            started.elapsed().as_nanos() as f64 / SAMPLE as f64
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    samples.get(50).copied().expect("a median")
}

/// Counts what is allocated.
struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: hands on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Memory) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the rules of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Memory) {
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the rules of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
