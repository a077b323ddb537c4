//! The entry points of the module, by way of the proxy-wasm SDK. `filter/tests/filter/costs.rs` holds
//! the list of calls that this one repeats.

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, MapType, MetricType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root { metrics: None }));
}}

/// The numbers of a counter and of a histogram.
type Metrics = (u32, u32);

struct Root {
    metrics: Option<Metrics>,
}

struct Stream {
    metrics: Metrics,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let counter = hostcalls::define_metric(MetricType::Counter, "calls.requests");
        let histogram = hostcalls::define_metric(MetricType::Histogram, "calls.value");
        self.metrics = counter.ok().zip(histogram.ok());
        self.metrics.is_some()
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        let metrics = self.metrics?;
        Some(Box::new(Stream { metrics }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let (counter, histogram) = self.metrics;
        let answers = [
            hostcalls::get_map_bytes(MapType::HttpRequestHeaders).is_ok(),
            hostcalls::get_current_time().is_ok(),
            hostcalls::get_property(vec!["connection", "id"]).is_ok(),
            hostcalls::increment_metric(counter, 1).is_ok(),
            hostcalls::record_metric(histogram, 75).is_ok(),
        ];
        // A call that fails would make the measurement worthless.
        if answers == [true; 5] {
            Action::Continue
        } else {
            Action::Pause
        }
    }

    fn on_log(&mut self) {
        let _ = hostcalls::get_property(vec!["response", "code"]);
    }
}
