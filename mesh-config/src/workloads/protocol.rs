//! What Istio takes a service port to speak.

use super::Protocol;

/// By `appProtocol`, else by the name of the port up to its first `-`, as Istio selects protocols.
pub(crate) fn of_service_port(number: i32, name: &str, app_protocol: Option<&str>) -> Protocol {
    let name = match app_protocol {
        None => name,
        // Names of Kubernetes itself.
        Some("kubernetes.io/h2c" | "kubernetes.io/ws") => "http",
        Some("kubernetes.io/wss") => "https",
        Some(text) => text,
    };
    let name = name.to_ascii_lowercase();
    let prefix = name.split('-').next().unwrap_or_default();
    match prefix {
        "http" | "http2" | "http_proxy" | "grpc" => Protocol::Http,
        "tcp" | "https" | "tls" | "mongo" | "redis" | "mysql" | "udp" | "hbone" => Protocol::Tcp,
        // Servers that speak first there, so nothing can be detected.
        _ if SERVER_FIRST.contains(&number) => Protocol::Tcp,
        _ => Protocol::Detected,
    }
}

/// SMTP, DNS, MySQL and MongoDB.
const SERVER_FIRST: [i32; 4] = [25, 53, 3306, 27017];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selects_protocols_as_istio_does() {
        let cases = [
            (80, "http", None, Protocol::Http),
            (80, "HTTP-api", None, Protocol::Http),
            (80, "grpc-web", None, Protocol::Http),
            (80, "grpc-web-x", None, Protocol::Http),
            (80, "http2", None, Protocol::Http),
            (80, "", None, Protocol::Detected),
            (80, "httpfoo", None, Protocol::Detected),
            (80, "web-http", None, Protocol::Detected),
            (443, "https", None, Protocol::Tcp),
            (6379, "redis-main", None, Protocol::Tcp),
            (3306, "", None, Protocol::Tcp),
            (3306, "http", None, Protocol::Http),
            (9000, "tcp", Some("http"), Protocol::Http),
            (9000, "http", Some("tcp"), Protocol::Tcp),
            (9000, "x", Some("kubernetes.io/h2c"), Protocol::Http),
            (9000, "x", Some("kubernetes.io/wss"), Protocol::Tcp),
            (9000, "http", Some("example.com/own"), Protocol::Detected),
        ];
        for (number, name, app_protocol, expected) in cases {
            let protocol = of_service_port(number, name, app_protocol);
            assert_eq!(protocol, expected, "{number} {name} {app_protocol:?}");
        }
    }
}
