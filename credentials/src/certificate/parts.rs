//! A certificate taken apart without losing a byte (RFC 5280, section 4.1).
//!
//! Each part is a slice of the input. What the alternative signature covers is put together from
//! these slices; only the lengths of the sequences around them are computed anew.

use crate::der::{self, Element, InvalidDer, Reader};

/// The parts of a certificate. Slices of whole elements, unless said otherwise.
pub(crate) struct Parts<'a> {
    /// The TBSCertificate, which the classical signature covers.
    #[cfg_attr(
        not(feature = "classical"),
        expect(dead_code, reason = "a half of its own")
    )]
    pub(crate) tbs: &'a [u8],
    /// The outer AlgorithmIdentifier.
    pub(crate) signature_algorithm: &'a [u8],
    /// The bytes of the classical signature.
    #[cfg_attr(
        not(feature = "classical"),
        expect(dead_code, reason = "a half of its own")
    )]
    pub(crate) signature: &'a [u8],
    /// The AlgorithmIdentifier inside of the TBSCertificate.
    pub(crate) inner_algorithm: &'a [u8],
    /// The issuer's name.
    pub(crate) issuer: &'a [u8],
    /// The subject's name.
    pub(crate) subject: &'a [u8],
    /// The SubjectPublicKeyInfo.
    pub(crate) public_key: &'a [u8],
    /// The extensions, in their order.
    pub(crate) extensions: Vec<Extension<'a>>,
    version: &'a [u8],
    serial: &'a [u8],
    validity: &'a [u8],
    /// The two unique identifiers, where there are any.
    unique_ids: [&'a [u8]; 2],
}

/// An extension of a certificate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extension<'a> {
    /// The contents of its object identifier.
    pub(crate) id: &'a [u8],
    /// Whether a reader that does not know it must refuse the certificate.
    pub(crate) critical: bool,
    /// What it says: the contents of `extnValue`, itself DER.
    pub(crate) value: &'a [u8],
    /// The whole element.
    raw: &'a [u8],
}

// Object identifiers below 2.5.29 (id-ce).
pub(crate) const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 14];
pub(crate) const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
pub(crate) const SUBJECT_ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 17];
pub(crate) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
pub(crate) const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 30];
pub(crate) const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 35];
pub(crate) const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37];
/// subjectAltPublicKeyInfo.
pub(crate) const ALTERNATIVE_PUBLIC_KEY: &[u8] = &[0x55, 0x1d, 72];
/// altSignatureAlgorithm.
pub(crate) const ALTERNATIVE_ALGORITHM: &[u8] = &[0x55, 0x1d, 73];
/// altSignatureValue.
pub(crate) const ALTERNATIVE_SIGNATURE: &[u8] = &[0x55, 0x1d, 74];

const STANDARD_EXTENSIONS: &[u8] = &[0x55, 0x1d];
const VERSION_TAG: u8 = 0xa0;
const ISSUER_UNIQUE_ID_TAG: u8 = 0x81;
const SUBJECT_UNIQUE_ID_TAG: u8 = 0x82;
const EXTENSIONS_TAG: u8 = 0xa3;
const KEY_ID_TAG: u8 = 0x80;
const VERSION_3: &[u8] = &[VERSION_TAG, 0x03, der::INTEGER, 0x01, 0x02];
const TRUE: &[u8] = &[0xff];
/// No certificate of a workload or an authority comes near.
const MAXIMUM_EXTENSIONS: usize = 32;

// === impl Parts ===

impl<'a> Parts<'a> {
    /// Takes one X.509 v3 certificate with extensions apart, which must be strict DER throughout.
    pub(crate) fn parse(certificate: &'a [u8]) -> Result<Self, InvalidDer> {
        let parts = Self::parse_any_version(certificate)?;
        if parts.is_version_3() {
            Ok(parts)
        } else {
            Err(InvalidDer::Version)
        }
    }

    /// The same for any version: those before 3 have no extensions.
    pub(crate) fn parse_any_version(certificate: &'a [u8]) -> Result<Self, InvalidDer> {
        der::check(certificate)?;
        let mut outer = Reader::new(der::single(certificate, der::SEQUENCE)?.contents);
        let tbs = outer.expect(der::SEQUENCE)?;
        let signature_algorithm = outer.expect(der::SEQUENCE)?.raw;
        let signature = der::whole_bytes(outer.expect(der::BIT_STRING)?)?;
        outer.finish()?;

        let mut fields = Reader::new(tbs.contents);
        // Left out for version 1.
        let version = optional_raw(&mut fields, VERSION_TAG)?;
        let serial = fields.expect(der::INTEGER)?.raw;
        let inner_algorithm = fields.expect(der::SEQUENCE)?.raw;
        let issuer = fields.expect(der::SEQUENCE)?.raw;
        let validity = fields.expect(der::SEQUENCE)?.raw;
        let subject = fields.expect(der::SEQUENCE)?.raw;
        let public_key = fields.expect(der::SEQUENCE)?.raw;
        let unique_ids = [
            optional_raw(&mut fields, ISSUER_UNIQUE_ID_TAG)?,
            optional_raw(&mut fields, SUBJECT_UNIQUE_ID_TAG)?,
        ];
        let extensions = match fields.optional(EXTENSIONS_TAG)? {
            Some(wrapper) if version == VERSION_3 => parse_extensions(wrapper)?,
            Some(_) => return Err(InvalidDer::Version),
            None => Vec::new(),
        };
        fields.finish()?;
        Ok(Self {
            tbs: tbs.raw,
            signature_algorithm,
            signature,
            inner_algorithm,
            issuer,
            subject,
            public_key,
            extensions,
            version,
            serial,
            validity,
            unique_ids,
        })
    }

    /// The serial number (RFC 5280, section 4.1.2.2) in big endian, without leading zeros.
    pub(crate) fn serial_number(&self) -> &'a [u8] {
        // INVARIANT: the element was read as an INTEGER.
        let contents = der::single(self.serial, der::INTEGER).map_or(&[][..], |it| it.contents);
        let zeros = contents.iter().take_while(|byte| **byte == 0).count();
        contents.get(zeros..).unwrap_or_default()
    }

    /// Whether it is of version 3 and has extensions, as every certificate of a workload or of its
    /// authority.
    pub(crate) fn is_version_3(&self) -> bool {
        self.version == VERSION_3 && !self.extensions.is_empty()
    }

    /// The first extension with this identifier. Duplicates are found by
    /// [`Self::has_duplicate_extensions`].
    pub(crate) fn extension(&self, id: &[u8]) -> Option<&Extension<'a>> {
        self.extensions.iter().find(|extension| extension.id == id)
    }

    /// How often an extension stands there.
    #[cfg(feature = "report")]
    pub(crate) fn count(&self, id: &[u8]) -> usize {
        let same = self.extensions.iter().filter(|found| found.id == id);
        same.count()
    }

    /// Whether two extensions have the same identifier (forbidden by RFC 5280, section 4.2).
    pub(crate) fn has_duplicate_extensions(&self) -> bool {
        let mut rest = self.extensions.as_slice();
        while let Some((first, after)) = rest.split_first() {
            if after.iter().any(|other| other.id == first.id) {
                return true;
            }
            rest = after;
        }
        false
    }

    /// Whether an extension is critical that is not one of these.
    pub(crate) fn has_critical_extension_beyond(&self, known: &[&[u8]]) -> bool {
        self.extensions
            .iter()
            .any(|extension| extension.critical && !known.contains(&extension.id))
    }

    /// The key identifier of the issuer (RFC 5280, section 4.2.1.1), if it is given.
    pub(crate) fn authority_key_id(&self) -> Result<Option<&'a [u8]>, InvalidDer> {
        let Some(extension) = self.extension(AUTHORITY_KEY_ID) else {
            return Ok(None);
        };
        let mut fields = Reader::new(der::single(extension.value, der::SEQUENCE)?.contents);
        Ok(fields.optional(KEY_ID_TAG)?.map(|element| element.contents))
    }

    /// The key identifier of the subject (RFC 5280, section 4.2.1.2), if it is given.
    pub(crate) fn subject_key_id(&self) -> Result<Option<&'a [u8]>, InvalidDer> {
        let Some(extension) = self.extension(SUBJECT_KEY_ID) else {
            return Ok(None);
        };
        Ok(Some(
            der::single(extension.value, der::OCTET_STRING)?.contents,
        ))
    }

    /// What the alternative signature covers: the TBSCertificate without the field `signature` and
    /// without extension 74 (X.509 of 10/2019, section 7.2.2: preTBSCertificate).
    pub(crate) fn pre_tbs(&self) -> Vec<u8> {
        let covered: Vec<&[u8]> = self
            .extensions
            .iter()
            .filter(|extension| extension.id != ALTERNATIVE_SIGNATURE)
            .map(|extension| extension.raw)
            .collect();
        self.wrap_fields(&[], &covered)
    }

    /// The whole TBSCertificate, put together again after a field was replaced.
    #[cfg(feature = "issue")]
    pub(crate) fn to_tbs(&self) -> Vec<u8> {
        let all: Vec<&[u8]> = self
            .extensions
            .iter()
            .map(|extension| extension.raw)
            .collect();
        self.wrap_fields(self.inner_algorithm, &all)
    }

    fn wrap_fields(&self, inner_algorithm: &[u8], extensions: &[&[u8]]) -> Vec<u8> {
        let list = der::wrap(der::SEQUENCE, extensions);
        let extensions = der::wrap(EXTENSIONS_TAG, &[&list]);
        let [issuer_id, subject_id] = self.unique_ids;
        let fields = [
            self.version,
            self.serial,
            inner_algorithm,
            self.issuer,
            self.validity,
            self.subject,
            self.public_key,
            issuer_id,
            subject_id,
            &extensions,
        ];
        der::wrap(der::SEQUENCE, &fields)
    }
}

fn optional_raw<'a>(fields: &mut Reader<'a>, tag: u8) -> Result<&'a [u8], InvalidDer> {
    Ok(fields.optional(tag)?.map_or(&[], |element| element.raw))
}

fn parse_extensions(wrapper: Element<'_>) -> Result<Vec<Extension<'_>>, InvalidDer> {
    let list = der::single(wrapper.contents, der::SEQUENCE)?;
    let mut reader = Reader::new(list.contents);
    let mut extensions = Vec::new();
    while let Some(element) = reader.next()? {
        if extensions.len() >= MAXIMUM_EXTENSIONS {
            return Err(InvalidDer::TooManyExtensions);
        }
        extensions.push(parse_extension(element)?);
    }
    Ok(extensions)
}

fn parse_extension(element: Element<'_>) -> Result<Extension<'_>, InvalidDer> {
    if element.tag != der::SEQUENCE {
        return Err(InvalidDer::UnexpectedTag);
    }
    let mut fields = Reader::new(element.contents);
    let id = fields.expect(der::OBJECT_IDENTIFIER)?.contents;
    let critical = match fields.optional(der::BOOLEAN)? {
        None => false,
        // DER leaves the default value out, so an explicit FALSE is another string of bytes.
        Some(flag) if flag.contents == TRUE => true,
        Some(_) => return Err(InvalidDer::Value),
    };
    let value = fields.expect(der::OCTET_STRING)?.contents;
    fields.finish()?;
    if id.starts_with(STANDARD_EXTENSIONS) {
        der::check(value)?;
    }
    Ok(Extension {
        id,
        critical,
        value,
        raw: element.raw,
    })
}
