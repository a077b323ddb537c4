//! A filter that makes the host calls of a request that Sallyport allows, and no decision: the least
//! that any module costs that looks at headers, connection and status and counts what it did.

#[cfg(target_os = "wasi")]
mod entry;
