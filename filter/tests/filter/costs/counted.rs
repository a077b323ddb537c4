//! Counts host calls, and what the filter allocates. What the fake host itself allocates is left
//! out, but for values that it hands over: Envoy has those allocated in the module as well.
#![expect(unsafe_code, reason = "an allocator is unsafe to write")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use sallyport_engine::effect::LocalReply;
use sallyport_engine::metric::MetricKind;
use sallyport_engine::time::TimeMs;
use sallyport_filter::host::{
    HeaderBlock, HeaderPair, Host, HostError, LogLevel, MetricId, Property, Shared, SharedVersion,
};

use crate::support::FakeHost;

/// The system's allocator, with a number for each thread that counts.
pub(crate) struct Counting;

thread_local! {
    /// None while nothing is counted.
    static ALLOCATIONS: Cell<Option<u64>> = const { Cell::new(None) };
}

fn count() {
    // A thread that ends has no number any more, and nobody to ask for it.
    let _ = ALLOCATIONS.try_with(|number| number.set(number.get().map(|number| number + 1)));
}

// SAFETY: hands on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the rules of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the rules of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the rules of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// A host whose calls are counted.
pub(crate) struct Counted<'a> {
    host: &'a FakeHost,
    calls: RefCell<BTreeMap<&'static str, u32>>,
}

/// What was counted.
#[derive(Debug)]
pub(crate) struct Costs {
    calls: BTreeMap<&'static str, u32>,
    pub(crate) allocations: u64,
}

/// Counts what a call costs.
pub(crate) fn costs<T>(host: &Counted<'_>, call: impl FnOnce() -> T) -> (T, Costs) {
    ALLOCATIONS.set(Some(0));
    let result = call();
    let allocations = ALLOCATIONS.take().expect("a number");
    let calls = host.calls.take();
    (result, Costs { calls, allocations })
}

impl Costs {
    /// The calls by name, with their number where it is not one.
    pub(crate) fn calls(&self) -> String {
        let calls = self.calls.iter().map(|(name, number)| match number {
            1 => (*name).to_owned(),
            _ => format!("{number} {name}"),
        });
        calls.collect::<Vec<_>>().join(", ")
    }
}

impl<'a> Counted<'a> {
    pub(crate) fn new(host: &'a FakeHost) -> Self {
        let calls = RefCell::default();
        Self { host, calls }
    }

    fn call<T>(&self, name: &'static str, ask: impl FnOnce(&FakeHost) -> T) -> T {
        let counted = ALLOCATIONS.take();
        *self.calls.borrow_mut().entry(name).or_default() += 1;
        let answer = ask(self.host);
        ALLOCATIONS.set(counted);
        answer
    }

    /// A call whose answer the filter holds in memory of its own.
    fn handed<T>(&self, name: &'static str, ask: impl FnOnce(&FakeHost) -> T) -> T {
        count();
        self.call(name, ask)
    }
}

impl Host for Counted<'_> {
    fn property(&self, property: Property) -> Result<Option<Vec<u8>>, HostError> {
        self.handed("property", |host| host.property(property))
    }

    fn request_headers(&self) -> Result<HeaderBlock, HostError> {
        self.handed("request_headers", Host::request_headers)
    }

    fn replace_request_headers(&self, headers: &[HeaderPair<'_>]) -> Result<(), HostError> {
        self.call("replace_request_headers", |host| {
            host.replace_request_headers(headers)
        })
    }

    fn remove_request_header(&self, name: &[u8]) -> Result<(), HostError> {
        self.call("remove_request_header", |host| {
            host.remove_request_header(name)
        })
    }

    fn reply(&self, reply: &LocalReply) -> Result<(), HostError> {
        self.call("reply", |host| host.reply(reply))
    }

    fn close_stream(&self) -> Result<(), HostError> {
        self.call("close_stream", Host::close_stream)
    }

    fn set_tick_period(&self, period: Duration) -> Result<(), HostError> {
        self.call("set_tick_period", |host| host.set_tick_period(period))
    }

    fn now(&self) -> Result<TimeMs, HostError> {
        self.call("now", Host::now)
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), HostError> {
        self.call("random", |host| host.random(buffer))
    }

    fn plugin_configuration(&self) -> Result<Option<Vec<u8>>, HostError> {
        self.handed("plugin_configuration", Host::plugin_configuration)
    }

    fn shared(&self, key: &str) -> Result<Option<Shared>, HostError> {
        self.handed("shared", |host| host.shared(key))
    }

    fn set_shared(&self, key: &str, value: &[u8]) -> Result<(), HostError> {
        self.call("set_shared", |host| host.set_shared(key, value))
    }

    fn swap_shared(
        &self,
        key: &str,
        value: &[u8],
        seen: Option<SharedVersion>,
    ) -> Result<bool, HostError> {
        self.call("swap_shared", |host| host.swap_shared(key, value, seen))
    }

    fn define_metric(&self, kind: MetricKind, name: &str) -> Result<MetricId, HostError> {
        self.call("define_metric", |host| host.define_metric(kind, name))
    }

    fn add(&self, metric: MetricId, change: i64) -> Result<(), HostError> {
        self.call("add", |host| host.add(metric, change))
    }

    fn record_metric(&self, metric: MetricId, value: u64) -> Result<(), HostError> {
        self.call("record_metric", |host| host.record_metric(metric, value))
    }

    fn note(&self, line: &str) -> Result<(), HostError> {
        self.call("note", |host| host.note(line))
    }

    fn log(&self, level: LogLevel, line: &str) -> Result<(), HostError> {
        self.call("log", |host| host.log(level, line))
    }
}
