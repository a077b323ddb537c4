//! A filter that lets every request pass and looks at nothing: what Envoy asks of any module that is
//! built with the SDK, and no more. What the real filter costs beyond it is its own.

#[cfg(target_os = "wasi")]
mod entry;
