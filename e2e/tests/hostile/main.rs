//! Hostile bytes against the shipped module in a real Envoy: always a clean answer, never a crash.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail the test, as tests do"
)]

mod target;

use sallyport_e2e::settings::Settings;
use target::{Sent, Target};

/// Sends each request on a connection of its own, checks that the answer is clean, and that the
/// module still lives and serves. The statuses of the answers.
fn clean_answers(name: &str, requests: &[(&str, Vec<u8>)]) -> Vec<u16> {
    let Some(settings) = Settings::for_test(name).unwrap() else {
        return Vec::new();
    };
    let target = Target::start(&settings);
    let statuses = requests
        .iter()
        .map(|(what, bytes)| target.send(what, bytes))
        .collect();
    target.check_alive();
    statuses
}

fn with_header(name: &str, value: &[u8]) -> Vec<u8> {
    with_headers(&[(name.as_bytes(), value)])
}

fn with_headers(headers: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut request = b"GET /v1/models HTTP/1.1\r\nhost: workload.test\r\n".to_vec();
    for (name, value) in headers {
        request.extend_from_slice(name);
        request.extend_from_slice(b": ");
        request.extend_from_slice(value);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    request
}

fn request_line(line: &[u8]) -> Vec<u8> {
    let mut request = line.to_vec();
    request.extend_from_slice(b" HTTP/1.1\r\nhost: workload.test\r\n\r\n");
    request
}

const SECURITY_HEADERS: [&str; 6] = [
    "hybrid-identity-token",
    "hybrid-identity-signature",
    "x-forwarded-client-cert",
    "x-sallyport-trust",
    "x-forwarded-for",
    "x-envoy-peer-metadata",
];

#[test]
fn answers_cleanly_when_values_are_not_utf_8() {
    let mut requests = Vec::new();
    for name in SECURITY_HEADERS {
        requests.push((name, with_header(name, b"\xff\xfe\xc3\x28")));
    }
    requests.push(("any header", with_header("x-any", b"\xff\xfe")));
    requests.push(("user agent", with_header("user-agent", &[0x80; 300])));
    requests.push(("path", request_line(b"GET /v1/models/\xff\xfe")));
    requests.push((
        "host",
        b"GET /v1/models HTTP/1.1\r\nhost: \xff\xfe\r\n\r\n".to_vec(),
    ));
    clean_answers("values that are not UTF-8", &requests);
}

#[test]
fn answers_cleanly_when_security_headers_are_repeated() {
    let mut requests = Vec::new();
    for name in SECURITY_HEADERS {
        let name_bytes = name.as_bytes();
        requests.push((
            name,
            with_headers(&[(name_bytes, b"a"), (name_bytes, b"b")]),
        ));
        requests.push((name, with_headers(&[(name_bytes, b"a".as_slice()); 90])));
        requests.push((name, with_headers(&[(name_bytes, b""), (name_bytes, b"")])));
    }
    let twice: &[(&[u8], &[u8])] = &[(b"host", b"other.test"), (b"content-length", b"0")];
    requests.push(("host twice", with_headers(twice)));
    let statuses = clean_answers("repeated headers", &requests);
    // Whoever doubles a half of a token is told so. XFCC with text that is not in Envoy's form may hide
    // the proxy's own element (an empty one is dropped). The other headers say nothing that counts.
    assert!(
        statuses.iter().take(6).all(|status| *status == 401),
        "{statuses:?}"
    );
    assert_eq!(statuses[6..9], [400, 400, 200], "{statuses:?}");
    assert!(
        statuses.iter().skip(9).all(|status| *status == 200),
        "{statuses:?}"
    );
}

#[test]
fn answers_cleanly_when_headers_are_huge() {
    let mut requests = Vec::new();
    for name in SECURITY_HEADERS {
        requests.push((name, with_header(name, &vec![b'a'; 50_000])));
        requests.push((name, with_header(name, &vec![b'.'; 58_000])));
        requests.push((name, with_header(name, &vec![b'"'; 30_001])));
    }
    let long_path = [b"GET /files/".as_slice(), &vec![b'a'; 20_000]].concat();
    let deep_path = [b"GET /files".as_slice(), &b"/a".repeat(5_000)].concat();
    requests.push(("long path", request_line(&long_path)));
    requests.push(("deep path", request_line(&deep_path)));
    requests.push(("too large", with_header("x-any", &vec![b'a'; 90_000])));
    clean_answers("huge headers", &requests);
}

#[test]
fn answers_cleanly_when_there_are_a_thousand_headers() {
    let names: Vec<String> = (0..1000)
        .map(|number| format!("x-header-{number}"))
        .collect();
    let mut headers: Vec<(&[u8], &[u8])> = names
        .iter()
        .map(|name| (name.as_bytes(), b"1".as_slice()))
        .collect();
    let thousand = with_headers(&headers);
    headers.truncate(0);
    let spoofed: Vec<String> = (0..1000)
        .map(|number| format!("x-sallyport-{number}"))
        .collect();
    headers.extend(
        spoofed
            .iter()
            .map(|name| (name.as_bytes(), b"1".as_slice())),
    );
    let requests = [
        ("thousand", thousand),
        ("thousand of ours", with_headers(&headers)),
    ];
    let statuses = clean_answers("a thousand headers", &requests);
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
}

#[test]
fn answers_cleanly_when_certificates_and_tokens_are_cut_off() {
    let certificate = "-----BEGIN%20CERTIFICATE-----%0AMIIC";
    let xfcc = [
        format!("Cert=\"{certificate}\""),
        format!("Cert=\"{certificate}"),
        "Cert=\"%".to_owned(),
        "Cert=\"%0".to_owned(),
        "Cert=;Cert=".to_owned(),
        "Hash=\"\\".to_owned(),
        ",,,;;;===\"\"\"".to_owned(),
        "Chain=\"".repeat(2000),
    ];
    let token = "eyJhbGciOiJQUzI1NiIsInR5cCI6Imh5YnJpZC1pZGVudGl0eStqd3QiLCJraWQiOiJ4In0";
    let tokens = [
        (format!("{token}.e30.AA"), "e30..AA".to_owned()),
        (format!("{token}.e30"), format!("{token}..")),
        (
            format!("{token}.{}.AA", "e30".repeat(3000)),
            format!("{token}..{}", "A".repeat(9000)),
        ),
        ("..".to_owned(), "..".to_owned()),
        ("....".to_owned(), ".".repeat(5000)),
        (String::new(), String::new()),
        ("eyJ9.eyJ9.eyJ9".to_owned(), "=.=.=".to_owned()),
        // {"a":{"a":{"a": and so on
        (
            format!("{}.e30.AA", "eyJhIjp7".repeat(1500)),
            "e30..AA".to_owned(),
        ),
    ];
    let mut requests = Vec::new();
    for value in &xfcc {
        requests.push((
            "xfcc",
            with_header("x-forwarded-client-cert", value.as_bytes()),
        ));
    }
    for (token, signature) in &tokens {
        let headers: &[(&[u8], &[u8])] = &[
            (b"hybrid-identity-token", token.as_bytes()),
            (b"hybrid-identity-signature", signature.as_bytes()),
        ];
        requests.push(("token", with_headers(headers)));
    }
    clean_answers("cut off certificates and tokens", &requests);
}

#[test]
fn answers_cleanly_when_the_request_line_is_odd() {
    let lines: [&[u8]; 14] = [
        b"CONNECT workload.test:443",
        b"OPTIONS *",
        b"GET http://other.test/v1/models",
        b"GET //v1/models",
        b"GET /../../etc/passwd",
        b"GET /%",
        b"GET /%00",
        b"GET /files/%ff%fe",
        b"GET /files/%c0%af",
        b"GET ?",
        b"GET /#",
        b"GEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEET /",
        b"get /v1/models",
        b"PRI *",
    ];
    let requests: Vec<(&str, Vec<u8>)> = lines
        .iter()
        .map(|line| ("request line", request_line(line)))
        .collect();
    clean_answers("odd request lines", &requests);
}

#[test]
fn hides_credentials_and_spoofed_headers_from_the_application() {
    let Some(settings) = Settings::for_test("stripped headers").unwrap() else {
        return;
    };
    let target = Target::start(&settings);
    let mut sent = Sent::default();
    sent.header("x-sallyport-trust", "100");
    sent.header("x-sallyport-anything", "1");
    sent.header("X-Sallyport-State", "TRUSTED");
    sent.header(
        "x-forwarded-client-cert",
        "Hash=00;Cert=\"abc\";URI=spiffe://cluster.local/forged",
    );
    let echo = target.allowed(&sent.with_token());
    for gone in [
        "hybrid-identity-token",
        "hybrid-identity-signature",
        "x-sallyport-anything",
    ] {
        assert!(!echo.has(gone), "{gone} reached the application");
    }
    assert_eq!(echo.header("x-sallyport-trust"), Some("99"));
    assert_eq!(echo.header("x-sallyport-state"), Some("TRUSTED"));
    assert_eq!(echo.header("x-sallyport-assurance"), Some("hybrid"));
    let xfcc = echo.header("x-forwarded-client-cert").unwrap();
    assert!(
        !xfcc.contains("Cert=") && !xfcc.contains("Chain="),
        "{xfcc}"
    );
    assert!(
        xfcc.contains("URI=spiffe://cluster.local/ns/gateway/sa/edge"),
        "{xfcc}"
    );
    target.check_alive();
}

#[test]
fn tells_clients_of_grpc_in_their_own_way() {
    let Some(settings) = Settings::for_test("gRPC").unwrap() else {
        return;
    };
    let target = Target::start(&settings);
    let mut sent = Sent::default();
    sent.header("content-type", "application/grpc");
    let response = target.exchange(&sent.to("POST", "/inference.Model/Predict"));
    assert_eq!(response.status, 200);
    assert_eq!(response.header("grpc-status"), Some("7"));
    let message = response.header("grpc-message").unwrap();
    assert!(message.contains("operation_not_allowed"), "{message}");
}

#[test]
fn says_why_in_the_answer_and_in_the_access_log() {
    let Some(settings) = Settings::for_test("details").unwrap() else {
        return;
    };
    let target = Target::start(&settings);
    let response = target.exchange(&Sent::default().to("GET", "/admin"));
    assert_eq!(response.status, 403);
    assert!(
        response
            .text()
            .starts_with("denied by sallyport: operation_not_allowed (decision ")
    );
    let mut sent = Sent::default();
    sent.header("hybrid-identity-token", "x");
    let response = target.exchange(&sent.to("GET", "/v1/models"));
    assert_eq!(response.status, 401);
    let challenge = response.header("www-authenticate").unwrap();
    assert_eq!(
        challenge,
        "HybridIdentity realm=\"corpus\", error=\"hybrid_signature_missing\""
    );
    let details =
        "403 sallyport_denied[policy[corpus]-flow[predict]-reason[operation_not_allowed]]";
    target.wait_for_access_log(details);
}
