use alloc::vec::Vec;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

fn head<'a>(headers: &[(&'a str, &'a [u8])]) -> RequestHead<'a> {
    RequestHead::read(
        headers
            .iter()
            .map(|(name, value)| (name.as_bytes(), *value)),
    )
}

#[test]
fn reads_method_and_path_once() {
    let ok = head(&[(":method", b"GET"), (":path", b"/a?b")]);
    assert_eq!(ok.method().map(Method::as_str), Ok("GET"));
    assert_eq!(ok.path().unwrap().map(RequestPath::as_str), Ok("/a"));
    for bad in [
        &[(":path", &b"/"[..])][..],
        &[(":method", b"G T"), (":path", b"/")],
    ] {
        assert_eq!(
            head(bad).method().map(Method::as_str),
            Err(DenyReason::RequestMalformed)
        );
    }
    let doubled = head(&[
        (":method", b"GET"),
        (":method", b"GET"),
        (":path", b"/"),
        (":path", b"/"),
    ]);
    assert_eq!(
        doubled.method().map(Method::as_str),
        Err(DenyReason::RequestMalformed)
    );
    assert!(doubled.path().is_err());
    assert!(head(&[(":method", b"CONNECT")]).path().is_err());
}

#[test]
fn removes_credentials_and_spoofed_headers() {
    let head = head(&[
        (TOKEN, b"t"),
        (PROOF, b"p"),
        ("x-sallyport-trust", b"99"),
        ("x-sallyport-trust", b"98"),
        ("x-sallyport-\u{e9}", b"\xff\xfe"),
        ("accept", b"*/*"),
    ]);
    let removals: Vec<&[u8]> = head.removals().collect();
    assert_eq!(
        removals,
        [
            TOKEN.as_bytes(),
            PROOF.as_bytes(),
            b"x-sallyport-trust",
            "x-sallyport-\u{e9}".as_bytes()
        ]
    );
}

#[test]
fn removes_names_that_an_application_may_take_for_ours() {
    let head = head(&[
        ("x_sallyport_trust", b"99"),
        ("hybrid_identity_token", b"t"),
        ("hybrid-identity_signature", b"s"),
        ("x-sallyportal", b"kept"),
        ("hybrid-identity-tokens", b"kept"),
    ]);
    let removals: Vec<&[u8]> = head.removals().collect();
    assert_eq!(
        removals,
        [
            &b"x_sallyport_trust"[..],
            b"hybrid_identity_token",
            b"hybrid-identity_signature"
        ]
    );
    assert_eq!(head.token(), None, "an alias carries no credential");
}

#[test]
fn a_forwarded_certificate_that_is_not_in_envoys_form_makes_the_request_malformed() {
    let request = |xfcc: &'static [u8]| {
        let headers = [(":method", &b"GET"[..]), (":path", b"/"), (XFCC, xfcc)];
        head(&headers).request().map(|_| ())
    };
    assert_eq!(request(b"By=a;Hash=b,URI=c"), Ok(()));
    for bad in [
        &b"Cert=\"a;By=b;"[..],
        b"By=x;URI=u;Subject=\"a",
        b"By",
        b"",
    ] {
        assert_eq!(request(bad), Err(DenyReason::RequestMalformed));
    }
}

#[test]
fn sees_upgrades_and_forwarded_requests() {
    let plain = [(":method", &b"GET"[..]), (":path", b"/")];
    assert!(!head(&plain).is_forwarded());
    assert!(!head(&plain).request().unwrap().is_upgrade);
    let more = [
        &plain[..],
        &[("upgrade", b"websocket"), ("x-forwarded-for", b"")],
    ]
    .concat();
    assert!(head(&more).is_forwarded());
    assert!(head(&more).request().unwrap().is_upgrade);
}

#[test]
fn removes_an_xfcc_that_is_present_twice() {
    let head = head(&[(XFCC, b"Hash=a"), (XFCC, b"Hash=b")]);
    assert_eq!(head.xfcc(), None);
    assert_eq!(head.removals().collect::<Vec<_>>(), [XFCC.as_bytes()]);
}

#[test]
fn takes_the_certificate_of_the_last_element_only() {
    let value = br#"By=spiffe://d/x;Cert="forged",By=spiffe://d/y;Hash=00;Subject="CN=a,O=\"b;c\"";Cert="-----BEGIN%20";URI=spiffe://d/z"#;
    let last = Xfcc::last(value).unwrap();
    assert_eq!(last.certificate(), Ok(Some(&b"-----BEGIN%20"[..])));
    assert_eq!(
        Xfcc::last(b"Cert=a,Hash=b").unwrap().certificate(),
        Ok(None)
    );
}

#[test]
fn refuses_xfcc_that_is_not_in_envoys_form() {
    assert_eq!(Xfcc::last(b"Subject=\"a").unwrap_err(), InvalidXfcc::Quote);
    assert_eq!(
        Xfcc::last(b"Hash").unwrap().certificate(),
        Err(InvalidXfcc::Pair)
    );
    assert_eq!(
        Xfcc::last(b"").unwrap().certificate(),
        Err(InvalidXfcc::Pair)
    );
    assert_eq!(
        Xfcc::last(b"Cert=a;cert=b").unwrap().certificate(),
        Err(InvalidXfcc::Doubled)
    );
    let long = alloc::vec![b'a'; 65_537];
    assert_eq!(Xfcc::last(&long).unwrap_err(), InvalidXfcc::TooLong);
}

#[test]
fn hides_certificates_from_the_application() {
    for (value, forwarded) in [
        (&b"Hash=a;URI=spiffe://d/x"[..], ForwardedXfcc::Keep),
        (
            b"Hash=a;Cert=\"x,y\";URI=u,Chain=\"z\",By=b;Chain=q;cert=r",
            ForwardedXfcc::Replace(b"Hash=a;URI=u,By=b".to_vec()),
        ),
        (b"Cert=\"cut", ForwardedXfcc::Remove),
    ] {
        assert_eq!(head(&[(XFCC, value)]).forwarded_xfcc(), forwarded);
    }
}

#[test]
fn hides_certificates_however_their_keys_are_spaced() {
    for value in [
        &b"Hash=a;Cert =\"x\""[..],
        b"Hash=a; Cert=x",
        b"Hash=a;Chain\t=x;By=b",
    ] {
        let forwarded = head(&[(XFCC, value)]).forwarded_xfcc();
        assert_ne!(forwarded, ForwardedXfcc::Keep, "{}", value.escape_ascii());
    }
}

#[cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
proptest::proptest! {
    #[test]
    fn never_forwards_a_certificate(value in "([A-Za-z]{0,2}|Cert|chain|=|;|,|\"|\\\\){0,16}") {
        match head(&[(XFCC, value.as_bytes())]).forwarded_xfcc() {
            ForwardedXfcc::Replace(kept) => {
                // What is kept parses again, to the same elements without certificates.
                proptest::prop_assert_eq!(xfcc::without_certificates(&kept).unwrap(), kept);
            }
            ForwardedXfcc::Keep => {
                let kept = value.as_bytes().to_vec();
                proptest::prop_assert!(
                    !xfcc::mentions_certificate(&kept)
                        || xfcc::without_certificates(&kept).unwrap() == kept
                );
            }
            ForwardedXfcc::Remove => {}
        }
    }
}
