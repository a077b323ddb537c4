//! Takes a certificate apart, lets a test change anything, and signs it again with the keys of an
//! authority. Own DER code and `libcrux` instead of the crate's, so that a mistake in the crate is
//! not made here as well.

use libcrux_ml_dsa::{ml_dsa_44, ml_dsa_65, ml_dsa_87};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256,
    RsaEncoding, RsaKeyPair,
};
use sallyport_credentials::issue::{ClassicalAuthority, HybridAuthority, PrivateKeyPem};
use sallyport_engine::policy::raw::AlternativeAlgorithm;

/// The parts of a certificate, each whole element of DER.
#[derive(Clone)]
pub(crate) struct Forge {
    pub(crate) version: Vec<u8>,
    pub(crate) serial: Vec<u8>,
    pub(crate) inner_algorithm: Vec<u8>,
    pub(crate) outer_algorithm: Vec<u8>,
    pub(crate) issuer: Vec<u8>,
    pub(crate) validity: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    pub(crate) public_key: Vec<u8>,
    pub(crate) extensions: Vec<ForgedExtension>,
}

#[derive(Clone)]
pub(crate) struct ForgedExtension {
    /// The last number below 2.5.29.
    pub(crate) number: u8,
    /// The whole element.
    pub(crate) raw: Vec<u8>,
}

/// The private keys of an authority.
pub(crate) struct ForgeKeys {
    classical: ForgeKey,
    seed: Option<[u8; 32]>,
    level: AlternativeAlgorithm,
}

enum ForgeKey {
    Rsa(Box<RsaKeyPair>),
    /// With the hash that fits its curve.
    Ecdsa(Box<EcdsaKeyPair>),
}

pub(crate) const SHA256_WITH_RSA: &[u8] = &[
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00,
];

pub(crate) const ML_DSA_65: &[u8] = &[
    0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x12,
];

pub(crate) fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = contents.len();
    if length < 0x80 {
        out.push(u8::try_from(length).unwrap());
    } else if length < 0x100 {
        out.extend([0x81, u8::try_from(length).unwrap()]);
    } else {
        out.push(0x82);
        out.extend(u16::try_from(length).unwrap().to_be_bytes());
    }
    out.extend(contents);
    out
}

/// The elements of a constructed element's contents, each whole.
pub(crate) fn split(mut input: &[u8]) -> Vec<Vec<u8>> {
    let mut elements = Vec::new();
    while !input.is_empty() {
        let (header, length) = match input[1] {
            0x82 => (4, usize::from(u16::from_be_bytes([input[2], input[3]]))),
            0x81 => (3, usize::from(input[2])),
            short => (2, usize::from(short)),
        };
        let (element, rest) = input.split_at(header + length);
        elements.push(element.to_vec());
        input = rest;
    }
    elements
}

pub(crate) fn contents(element: &[u8]) -> &[u8] {
    match element[1] {
        0x82 => &element[4..],
        0x81 => &element[3..],
        _ => &element[2..],
    }
}

pub(crate) fn extension(number: u8, critical: Option<u8>, value: &[u8]) -> ForgedExtension {
    let mut fields = vec![0x06, 0x03, 0x55, 0x1d, number];
    fields.extend(
        critical
            .map(|flag| [0x01, 0x01, flag])
            .into_iter()
            .flatten(),
    );
    fields.extend(tlv(0x04, value));
    ForgedExtension {
        number,
        raw: tlv(0x30, &fields),
    }
}

impl Forge {
    pub(crate) fn new(certificate: &[u8]) -> Self {
        let outer = split(contents(certificate));
        let fields = split(contents(&outer[0]));
        let extensions = split(contents(contents(&fields[7])))
            .into_iter()
            .map(|raw| ForgedExtension {
                number: contents(&raw)[4],
                raw,
            })
            .collect();
        Self {
            version: fields[0].clone(),
            serial: fields[1].clone(),
            inner_algorithm: fields[2].clone(),
            outer_algorithm: outer[1].clone(),
            issuer: fields[3].clone(),
            validity: fields[4].clone(),
            subject: fields[5].clone(),
            public_key: fields[6].clone(),
            extensions,
        }
    }

    pub(crate) fn without(mut self, number: u8) -> Self {
        self.extensions
            .retain(|extension| extension.number != number);
        self
    }

    pub(crate) fn with(mut self, number: u8, critical: Option<u8>, value: &[u8]) -> Self {
        self.extensions.push(extension(number, critical, value));
        self
    }

    /// Puts another value in the place of an extension.
    pub(crate) fn replace(mut self, number: u8, critical: Option<u8>, value: &[u8]) -> Self {
        for place in &mut self.extensions {
            if place.number == number {
                *place = extension(number, critical, value);
            }
        }
        self
    }

    fn fields(&self, with_signature_field: bool, without: Option<u8>) -> Vec<u8> {
        let mut list = Vec::new();
        for extension in &self.extensions {
            if Some(extension.number) != without {
                list.extend(&extension.raw);
            }
        }
        let mut fields = [self.version.as_slice(), &self.serial].concat();
        if with_signature_field {
            fields.extend(&self.inner_algorithm);
        }
        for part in [
            &self.issuer,
            &self.validity,
            &self.subject,
            &self.public_key,
        ] {
            fields.extend(part);
        }
        fields.extend(tlv(0xa3, &tlv(0x30, &list)));
        tlv(0x30, &fields)
    }

    pub(crate) fn pre_tbs(&self) -> Vec<u8> {
        self.fields(false, Some(74))
    }

    /// A wrong preimage: the field `signature` stays in.
    pub(crate) fn pre_tbs_with_signature_field(&self) -> Vec<u8> {
        self.fields(true, Some(74))
    }

    /// Makes extension 74 again.
    pub(crate) fn sign_alternative(self, keys: &ForgeKeys, context: &[u8]) -> Self {
        let signature = keys.sign_alternative(&self.pre_tbs(), context);
        self.with_alternative_signature(&signature)
    }

    pub(crate) fn with_alternative_signature(self, signature: &[u8]) -> Self {
        let value = tlv(0x03, &[&[0], signature].concat());
        self.without(74).with(74, None, &value)
    }

    pub(crate) fn sign(&self, keys: &ForgeKeys) -> Vec<u8> {
        self.sign_with(keys, &RSA_PKCS1_SHA256)
    }

    pub(crate) fn sign_with(&self, keys: &ForgeKeys, padding: &'static dyn RsaEncoding) -> Vec<u8> {
        let signature = keys.sign_classical(&self.tbs(), padding);
        self.with_classical_signature(&signature)
    }

    pub(crate) fn tbs(&self) -> Vec<u8> {
        self.fields(true, None)
    }

    pub(crate) fn with_classical_signature(&self, signature: &[u8]) -> Vec<u8> {
        let bits = tlv(0x03, &[&[0], signature].concat());
        tlv(
            0x30,
            &[self.tbs(), self.outer_algorithm.clone(), bits].concat(),
        )
    }

    /// Names another algorithm in both places.
    pub(crate) fn algorithm(mut self, identifier: &[u8]) -> Self {
        self.inner_algorithm = identifier.to_vec();
        self.outer_algorithm = identifier.to_vec();
        self
    }
}

impl ForgeKeys {
    pub(crate) fn hybrid(authority: &HybridAuthority, level: AlternativeAlgorithm) -> Self {
        let pkcs8 = bytes(&authority.alternative_private_key().unwrap());
        Self {
            classical: classical(&authority.private_key().unwrap()),
            seed: Some(*pkcs8.last_chunk().unwrap()),
            level,
        }
    }

    pub(crate) fn classical(authority: &ClassicalAuthority) -> Self {
        Self {
            classical: classical(&authority.private_key().unwrap()),
            seed: None,
            level: AlternativeAlgorithm::default(),
        }
    }

    pub(crate) fn sign_alternative(&self, message: &[u8], context: &[u8]) -> Vec<u8> {
        let seed = self.seed.unwrap();
        macro_rules! sign {
            ($level:ident) => {{
                let keys = $level::portable::generate_key_pair(seed);
                let signature =
                    $level::portable::sign(&keys.signing_key, message, context, [7; 32]);
                signature.unwrap().as_slice().to_vec()
            }};
        }
        match self.level {
            AlternativeAlgorithm::MlDsa44 => sign!(ml_dsa_44),
            AlternativeAlgorithm::MlDsa65 => sign!(ml_dsa_65),
            AlternativeAlgorithm::MlDsa87 => sign!(ml_dsa_87),
        }
    }

    /// The padding counts for RSA only.
    pub(crate) fn sign_classical(
        &self,
        message: &[u8],
        padding: &'static dyn RsaEncoding,
    ) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.classical {
            ForgeKey::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(padding, &random, message, &mut signature).unwrap();
                signature
            }
            ForgeKey::Ecdsa(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
        }
    }
}

fn classical(pem: &PrivateKeyPem) -> ForgeKey {
    let pkcs8 = bytes(pem);
    if let Ok(key) = RsaKeyPair::from_pkcs8(&pkcs8) {
        return ForgeKey::Rsa(Box::new(key));
    }
    let read = |algorithm| EcdsaKeyPair::from_pkcs8(algorithm, &pkcs8, &SystemRandom::new());
    let key =
        read(&ECDSA_P256_SHA256_ASN1_SIGNING).or_else(|_| read(&ECDSA_P384_SHA384_ASN1_SIGNING));
    ForgeKey::Ecdsa(Box::new(key.unwrap()))
}

fn bytes(pem: &PrivateKeyPem) -> Vec<u8> {
    pem_rfc7468::decode_vec(pem.expose().as_bytes()).unwrap().1
}
