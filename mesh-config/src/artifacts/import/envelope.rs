//! The envelope of DSSE v1 around a statement.

use base64ct::{Base64, Base64Url, Encoding};
use sallyport_credentials::jwk::Jwk;
use serde_json::Value;

use super::{list, text, unknown};
use crate::finding::{Code, Finding};

const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// The payload, and whether a signature over it was verified. Without keys it is not, and a remark
/// says so; with keys one of them must have signed.
pub(super) fn open(
    envelope: &Value,
    keys: &[Jwk],
    remarks: &mut Vec<Finding>,
) -> Result<(Vec<u8>, bool), Vec<Finding>> {
    let (payload, signatures) = parts(envelope).map_err(|finding| vec![finding])?;
    if keys.is_empty() {
        let code = Code::EnvelopeUnverified;
        let message = "was opened, and who signed it was not verified";
        remarks.push(Finding::new(code, "signatures", message).with_hint(code.row().remedy));
        return Ok((payload, false));
    }
    let message = pre_authentication(&payload);
    let holds = signatures
        .iter()
        .any(|signature| keys.iter().any(|key| key.key().holds(&message, signature)));
    if holds {
        return Ok((payload, true));
    }
    let code = Code::EnvelopeInvalid;
    let finding = Finding::new(code, "signatures", "are not by the key that was given");
    Err(vec![finding.with_hint(code.row().remedy)])
}

fn parts(envelope: &Value) -> Result<(Vec<u8>, Vec<Vec<u8>>), Finding> {
    if text(envelope, "", "payloadType")? != PAYLOAD_TYPE {
        return Err(unknown(
            "is an envelope around something else than a statement",
        ));
    }
    let payload = decode(envelope, "", "payload")?;
    let signatures = list(envelope, "", "signatures")?.iter().enumerate();
    let signatures = signatures
        .map(|(number, signature)| decode(signature, &format!("signatures[{number}]"), "sig"));
    Ok((payload, signatures.collect::<Result<_, Finding>>()?))
}

/// Both alphabets are allowed (DSSE, protocol, section "Envelope").
fn decode(value: &Value, path: &str, name: &str) -> Result<Vec<u8>, Finding> {
    let encoded = text(value, path, name)?;
    Base64::decode_vec(&encoded)
        .or_else(|_| Base64Url::decode_vec(&encoded))
        .map_err(|_| Finding::new(Code::WrongType, super::join(path, name), "is no base64"))
}

/// What is signed (PAE of DSSE v1).
fn pre_authentication(payload: &[u8]) -> Vec<u8> {
    let head = format!(
        "DSSEv1 {} {PAYLOAD_TYPE} {} ",
        PAYLOAD_TYPE.len(),
        payload.len()
    );
    [head.as_bytes(), payload].concat()
}
