//! The filter on a fake host: the same code as in Envoy, but for the host calls themselves.

mod configuration;
mod requests;
mod support;
