//! The entry points of the module, by way of the proxy-wasm SDK.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

use crate::host::EnvoyHost;
use crate::plugin::{Configured, Next, Plugin};

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
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        self.set_tick_period(TICK);
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
            Ok(mut plugin) => plugin.on_request_headers(&EnvoyHost),
            Err(_) => Next::Stop,
        };
        match flow {
            Next::Continue => Action::Continue,
            Next::Stop => Action::Pause,
        }
    }
}

const TICK: Duration = Duration::from_secs(1);
