//! The proxy-wasm host calls, declared by hand: the SDK's wrappers panic on any status that they do
//! not expect, and a panic ends the worker's VM.
//!
//! This is the only file with unsafe code.
#![expect(
    unsafe_code,
    reason = "host calls of the proxy-wasm ABI are foreign functions"
)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ptr::null_mut;
use std::time::Duration;

use sallyport_engine::effect::LocalReply;
use sallyport_engine::metric::MetricKind;
use sallyport_engine::time::TimeMs;

use super::{
    HeaderBlock, HeaderPair, Host, HostError, LogLevel, MetricId, Property, Shared, SharedVersion,
};

/// The proxy that runs this module.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EnvoyHost;

thread_local! {
    /// Envoy gives a name another number each time, and keeps all of them until the VM ends. A VM
    /// serves one configuration after the other, so without this each would cost 8 kB for good.
    static METRICS: RefCell<BTreeMap<String, MetricId>> = const { RefCell::new(BTreeMap::new()) };
}

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_property(
        path: *const u8,
        path_size: usize,
        value: *mut *mut u8,
        value_size: *mut usize,
    ) -> i32;
    fn proxy_set_property(
        path: *const u8,
        path_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> i32;
    fn proxy_get_header_map_pairs(map: i32, value: *mut *mut u8, value_size: *mut usize) -> i32;
    fn proxy_set_header_map_pairs(map: i32, pairs: *const u8, pairs_size: usize) -> i32;
    fn proxy_remove_header_map_value(map: i32, name: *const u8, name_size: usize) -> i32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> i32;
    fn proxy_close_stream(stream: i32) -> i32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> i32;
    fn proxy_get_current_time_nanoseconds(value: *mut u64) -> i32;
    fn proxy_get_buffer_bytes(
        buffer: i32,
        start: usize,
        maximum: usize,
        value: *mut *mut u8,
        value_size: *mut usize,
    ) -> i32;
    fn proxy_get_shared_data(
        key: *const u8,
        key_size: usize,
        value: *mut *mut u8,
        value_size: *mut usize,
        cas: *mut u32,
    ) -> i32;
    fn proxy_set_shared_data(
        key: *const u8,
        key_size: usize,
        value: *const u8,
        value_size: usize,
        cas: u32,
    ) -> i32;
    fn proxy_define_metric(kind: i32, name: *const u8, name_size: usize, id: *mut u32) -> i32;
    fn proxy_increment_metric(id: u32, offset: i64) -> i32;
    fn proxy_record_metric(id: u32, value: u64) -> i32;
    fn proxy_log(level: i32, line: *const u8, line_size: usize) -> i32;
}

impl Host for EnvoyHost {
    fn property(&self, property: Property) -> Result<Option<Vec<u8>>, HostError> {
        let path = property.path();
        returned("proxy_get_property", |value, size| {
            // SAFETY: `path` is valid for its length; `value` and `size` are valid for writing.
            unsafe { proxy_get_property(path.as_ptr(), path.len(), value, size) }
        })
    }

    fn request_headers(&self) -> Result<HeaderBlock, HostError> {
        let bytes = returned("proxy_get_header_map_pairs", |value, size| {
            // SAFETY: `value` and `size` are valid for writing.
            unsafe { proxy_get_header_map_pairs(REQUEST_HEADERS, value, size) }
        })?;
        Ok(HeaderBlock::new(bytes.unwrap_or_default()))
    }

    fn replace_request_headers(&self, headers: &[HeaderPair<'_>]) -> Result<(), HostError> {
        let call = "proxy_set_header_map_pairs";
        let block = HeaderBlock::write(headers).map_err(|_| HostError { call, status: -1 })?;
        let pairs = block.as_bytes();
        // SAFETY: `pairs` is valid for its length.
        done(call, unsafe {
            proxy_set_header_map_pairs(REQUEST_HEADERS, pairs.as_ptr(), pairs.len())
        })
    }

    fn remove_request_header(&self, name: &[u8]) -> Result<(), HostError> {
        // SAFETY: `name` is valid for its length.
        done("proxy_remove_header_map_value", unsafe {
            proxy_remove_header_map_value(REQUEST_HEADERS, name.as_ptr(), name.len())
        })
    }

    #[inline(never)]
    fn reply(&self, reply: &LocalReply) -> Result<(), HostError> {
        let call = "proxy_send_local_response";
        let mut headers: Vec<HeaderPair<'_>> = vec![(b"content-type", b"text/plain")];
        if let Some(challenge) = &reply.challenge {
            headers.push((b"www-authenticate", challenge.as_bytes()));
        }
        let retry_after = reply.retry_after.map(|seconds| seconds.to_string());
        if let Some(seconds) = &retry_after {
            headers.push((b"retry-after", seconds.as_bytes()));
        }
        let block = HeaderBlock::write(&headers).map_err(|_| HostError { call, status: -1 })?;
        let (details, body, block) = (&reply.details, &reply.body, block.as_bytes());
        // SAFETY: all pointers are valid for the lengths beside them.
        done(call, unsafe {
            proxy_send_local_response(
                u32::from(reply.status),
                details.as_ptr(),
                details.len(),
                body.as_ptr(),
                body.len(),
                block.as_ptr(),
                block.len(),
                i32::from(reply.grpc_status),
            )
        })
    }

    fn close_stream(&self) -> Result<(), HostError> {
        // SAFETY: numbers only.
        done("proxy_close_stream", unsafe {
            proxy_close_stream(REQUEST_STREAM)
        })
    }

    fn set_tick_period(&self, period: Duration) -> Result<(), HostError> {
        let period = u32::try_from(period.as_millis()).unwrap_or(u32::MAX);
        // SAFETY: numbers only.
        done("proxy_set_tick_period_milliseconds", unsafe {
            proxy_set_tick_period_milliseconds(period)
        })
    }

    fn now(&self) -> Result<TimeMs, HostError> {
        let mut nanoseconds = 0;
        // SAFETY: the pointer is valid for writing.
        let status = unsafe { proxy_get_current_time_nanoseconds(&raw mut nanoseconds) };
        done("proxy_get_current_time_nanoseconds", status)?;
        Ok(TimeMs(nanoseconds / 1_000_000))
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), HostError> {
        getrandom::fill(buffer).map_err(|_| HostError {
            call: "random_get",
            status: -1,
        })
    }

    fn plugin_configuration(&self) -> Result<Option<Vec<u8>>, HostError> {
        returned("proxy_get_buffer_bytes", |value, size| {
            // SAFETY: `value` and `size` are valid for writing.
            unsafe { proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, usize::MAX, value, size) }
        })
    }

    fn shared(&self, key: &str) -> Result<Option<Shared>, HostError> {
        let mut cas = 0;
        let bytes = returned("proxy_get_shared_data", |value, size| {
            // SAFETY: `key` is valid for its length; the other pointers are valid for writing.
            unsafe { proxy_get_shared_data(key.as_ptr(), key.len(), value, size, &raw mut cas) }
        })?;
        Ok(bytes.map(|bytes| Shared {
            bytes,
            version: SharedVersion(cas),
        }))
    }

    fn set_shared(&self, key: &str, value: &[u8]) -> Result<(), HostError> {
        done("proxy_set_shared_data", set_shared(key, value, ANY_CAS))
    }

    fn swap_shared(
        &self,
        key: &str,
        value: &[u8],
        seen: Option<SharedVersion>,
    ) -> Result<bool, HostError> {
        let cas = seen.map_or(NO_VALUE_CAS, |version| version.0);
        match set_shared(key, value, cas) {
            STATUS_CAS_MISMATCH => Ok(false),
            status => done("proxy_set_shared_data", status).map(|()| true),
        }
    }

    fn define_metric(&self, kind: MetricKind, name: &str) -> Result<MetricId, HostError> {
        let known = METRICS.with(|metrics| match metrics.try_borrow() {
            Ok(metrics) => metrics.get(name).copied(),
            Err(_) => None,
        });
        if let Some(id) = known {
            return Ok(id);
        }
        let kind = match kind {
            MetricKind::Counter => 0,
            MetricKind::Gauge => 1,
            MetricKind::Histogram => 2,
        };
        let mut id = 0;
        // SAFETY: `name` is valid for its length, `id` for writing.
        let status = unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), &raw mut id) };
        done("proxy_define_metric", status)?;
        METRICS.with(|metrics| {
            if let Ok(mut metrics) = metrics.try_borrow_mut() {
                metrics.insert(name.to_owned(), MetricId(id));
            }
        });
        Ok(MetricId(id))
    }

    fn add(&self, metric: MetricId, change: i64) -> Result<(), HostError> {
        // SAFETY: numbers only.
        done("proxy_increment_metric", unsafe {
            proxy_increment_metric(metric.0, change)
        })
    }

    fn record_metric(&self, metric: MetricId, value: u64) -> Result<(), HostError> {
        // SAFETY: numbers only.
        done("proxy_record_metric", unsafe {
            proxy_record_metric(metric.0, value)
        })
    }

    fn note(&self, line: &str) -> Result<(), HostError> {
        // SAFETY: both pointers are valid for the lengths beside them.
        done("proxy_set_property", unsafe {
            proxy_set_property(NOTE.as_ptr(), NOTE.len(), line.as_ptr(), line.len())
        })
    }

    fn log(&self, level: LogLevel, line: &str) -> Result<(), HostError> {
        let level = match level {
            LogLevel::Info => 2,
            LogLevel::Warn => 3,
            LogLevel::Error => 4,
        };
        // SAFETY: `line` is valid for its length.
        done("proxy_log", unsafe {
            proxy_log(level, line.as_ptr(), line.len())
        })
    }
}

fn set_shared(key: &str, value: &[u8], cas: u32) -> i32 {
    // SAFETY: `key` and `value` are valid for their lengths.
    unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas) }
}

const fn done(call: &'static str, status: i32) -> Result<(), HostError> {
    match status {
        STATUS_OK => Ok(()),
        _ => Err(HostError { call, status }),
    }
}

/// Takes over a value that the host writes into memory of ours; none when it has no such value.
fn returned(
    call: &'static str,
    ask: impl FnOnce(*mut *mut u8, *mut usize) -> i32,
) -> Result<Option<Vec<u8>>, HostError> {
    let mut value: *mut u8 = null_mut();
    let mut size = 0;
    match ask(&raw mut value, &raw mut size) {
        STATUS_OK if value.is_null() => Ok(Some(Vec::new())),
        // SAFETY: the host allocated `size` bytes with the SDK's `proxy_on_memory_allocate`, which
        // leaks a vector of exactly this capacity, and wrote all of them.
        STATUS_OK => Ok(Some(unsafe { Vec::from_raw_parts(value, size, size) })),
        STATUS_NOT_FOUND => Ok(None),
        status => Err(HostError { call, status }),
    }
}

/// Envoy makes `wasm.sallyport` of it.
const NOTE: &str = "sallyport";

// Numbers of the proxy-wasm ABI 0.2.1.
const STATUS_OK: i32 = 0;
const STATUS_NOT_FOUND: i32 = 1;
const REQUEST_HEADERS: i32 = 0;
const REQUEST_STREAM: i32 = 0;
const PLUGIN_CONFIGURATION: i32 = 7;
const STATUS_CAS_MISMATCH: i32 = 8;
/// Write whatever the current value is.
const ANY_CAS: u32 = 0;
/// No write has this number, so only a value that does not exist yet can be written with it.
const NO_VALUE_CAS: u32 = u32::MAX;
