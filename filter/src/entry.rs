//! The entry points of the module, by way of the proxy-wasm SDK.

use std::cell::RefCell;
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

use crate::host::EnvoyHost;
use crate::plugin::{Body, Configured, Next, Ongoing, Plugin};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root { plugin: Rc::default() }));
}}

/// One plugin in one VM.
struct Root {
    plugin: Rc<RefCell<Plugin>>,
}

/// One request.
struct Stream {
    plugin: Rc<RefCell<Plugin>>,
    /// The request, once it went on.
    ongoing: Option<Ongoing>,
}

impl Context for Root {}

/// Envoy deletes the root context of a configuration that it replaces, once its last stream is over.
/// `on_done` would come at the same time, but once for each request too.
impl Drop for Root {
    fn drop(&mut self) {
        if let Ok(mut plugin) = self.plugin.try_borrow_mut() {
            plugin.retire(&EnvoyHost);
        }
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        match self.plugin.try_borrow_mut() {
            Ok(mut plugin) => plugin.configure(&EnvoyHost) == Configured::InForce,
            Err(_) => false,
        }
    }

    fn on_tick(&mut self) {
        if let Ok(mut plugin) = self.plugin.try_borrow_mut() {
            plugin.tick(&EnvoyHost);
        }
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream {
            plugin: Rc::clone(&self.plugin),
            ongoing: None,
        }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        // A callback never starts inside another one, so the plugin is free. If it is not, the
        // request waits for ever rather than pass.
        let flow = match self.plugin.try_borrow_mut() {
            Ok(mut plugin) => {
                let next = plugin.on_request_headers(&EnvoyHost);
                self.ongoing = plugin.take_begun();
                next
            }
            Err(_) => Next::Stop,
        };
        action(flow)
    }

    // Nothing is ever held back, so the sizes are those of what arrived just now.
    fn on_http_request_body(&mut self, size: usize, _end_of_stream: bool) -> Action {
        self.on_body(Body::Request, size)
    }

    fn on_http_response_body(&mut self, size: usize, _end_of_stream: bool) -> Action {
        self.on_body(Body::Response, size)
    }

    fn on_log(&mut self) {
        if let (Some(ongoing), Ok(mut plugin)) = (&self.ongoing, self.plugin.try_borrow_mut()) {
            plugin.on_end(&EnvoyHost, ongoing);
        }
    }
}

impl Stream {
    fn on_body(&self, body: Body, size: usize) -> Action {
        match (&self.ongoing, self.plugin.try_borrow_mut()) {
            (Some(ongoing), Ok(mut plugin)) => {
                action(plugin.on_body(&EnvoyHost, ongoing, body, size))
            }
            // The body of an answer of our own.
            (None, _) => Action::Continue,
            (Some(_), Err(_)) => Action::Pause,
        }
    }
}

const fn action(next: Next) -> Action {
    match next {
        Next::Continue => Action::Continue,
        Next::Stop => Action::Pause,
    }
}
