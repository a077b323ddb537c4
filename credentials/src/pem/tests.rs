use super::*;

const DOCUMENT: &str = "-----BEGIN CERTIFICATE-----\nMAA+\n-----END CERTIFICATE-----\n";
const DER: &[u8] = &[0x30, 0x00, 0x3e];

fn url_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'-' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[test]
fn reads_raw_and_url_encoded_documents() {
    for text in [
        DOCUMENT.to_owned(),
        DOCUMENT.trim_end().to_owned(),
        DOCUMENT.replace('\n', "\r\n"),
        url_encoded(DOCUMENT),
        url_encoded(DOCUMENT)
            .to_lowercase()
            .replace("begin", "BEGIN"),
    ] {
        let decoded = decode_certificate(text.as_bytes());
        match text.contains("certificate") {
            // Lower case escapes are fine, a lower case label is not.
            true => assert_eq!(
                decoded,
                Err(InvalidPem::Label {
                    expected: "CERTIFICATE"
                })
            ),
            false => assert_eq!(decoded.as_deref(), Ok(DER), "{text}"),
        }
    }
}

#[test]
fn refuses_text_around_the_document() {
    let label = Err(InvalidPem::Label {
        expected: "CERTIFICATE",
    });
    assert_eq!(decode_certificate(b""), label);
    assert_eq!(
        decode_certificate(format!("note\n{DOCUMENT}").as_bytes()),
        label
    );
    assert_eq!(
        decode_certificate(format!("\n{DOCUMENT}").as_bytes()),
        label
    );
    for text in [
        format!("{DOCUMENT}x"),
        format!("{DOCUMENT}\n"),
        format!("{DOCUMENT}{DOCUMENT}"),
    ] {
        assert_eq!(
            decode_certificate(text.as_bytes()),
            Err(InvalidPem::Document),
            "{text}"
        );
    }
}

#[test]
fn refuses_broken_documents() {
    for text in [
        DOCUMENT.replace("MAA+", "MAA"),
        DOCUMENT.replace("MAA+", "MA A"),
        DOCUMENT.replace("MAA+", "MB=="),
        DOCUMENT.replace("MAA+", "MAA-"),
        DOCUMENT.replace("END CERT", "END PERT"),
        DOCUMENT.replace("-----END CERTIFICATE-----", ""),
    ] {
        assert_eq!(
            decode_certificate(text.as_bytes()),
            Err(InvalidPem::Document),
            "{text}"
        );
    }
    let other = DOCUMENT.replace("CERTIFICATE", "X509 CRL");
    assert_eq!(
        decode_certificate(other.as_bytes()),
        Err(InvalidPem::Label {
            expected: "CERTIFICATE"
        })
    );
}

#[test]
fn refuses_broken_escapes_and_long_input() {
    for end in ["%", "%2", "%zz", "%+2"] {
        let text = format!("-----BEGIN%20CERTIFICATE-----{end}");
        assert_eq!(
            decode_certificate(text.as_bytes()),
            Err(InvalidPem::PercentEncoding)
        );
    }
    assert_eq!(
        decode_certificate(&[b'-'; MAXIMUM_BYTES + 1]),
        Err(InvalidPem::TooLong)
    );
}

#[test]
fn trims_white_space_around_policy_material_only() {
    let text = format!("\n  {DOCUMENT}\n\n");
    assert_eq!(decode_material(&text, "CERTIFICATE").as_deref(), Ok(DER));
    assert_eq!(
        decode_material(&text, "PUBLIC KEY"),
        Err(InvalidPem::Label {
            expected: "PUBLIC KEY"
        })
    );
}
