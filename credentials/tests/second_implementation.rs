//! The ML-DSA that verifies (`fips204`) against the one that signs (`libcrux-ml-dsa`).

use fips204::traits::{KeyGen, SerDes, Signer, Verifier};
use libcrux_ml_dsa::{ml_dsa_44, ml_dsa_65, ml_dsa_87};

/// Bytes that no key signed, in the form of a signature: an empty hint lets the whole verification run.
fn forged<const LENGTH: usize>(round: u32, hint_bytes: usize) -> [u8; LENGTH] {
    let mut state = round.wrapping_mul(0x9e37_79b9) | 1;
    let mut bytes = [0; LENGTH];
    for byte in &mut bytes[..LENGTH - hint_bytes] {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        *byte = state.to_le_bytes()[0];
    }
    bytes
}

macro_rules! both_agree {
    ($test:ident, $libcrux:ident, $fips204:ident, $signature:ident, $key:ident, $hint:literal) => {
        #[test]
        fn $test() {
            use libcrux_ml_dsa::$libcrux::{$key, $signature};
            for round in 0..8_u8 {
                let seed = [round; 32];
                let pair = $libcrux::portable::generate_key_pair(seed);
                let (public, private) = fips204::$fips204::KG::keygen_from_seed(&seed);
                let public_bytes = public.clone().into_bytes();
                assert_eq!(pair.verification_key.as_slice(), public_bytes);

                let message = vec![round; usize::from(round) * 300];
                let context: &[u8] = if round % 2 == 0 { b"" } else { b"context" };
                let theirs = private
                    .try_sign_with_seed(&[9; 32], &message, context)
                    .unwrap();
                let made = $libcrux::portable::sign(&pair.signing_key, &message, context, [9; 32]);
                let made = made.unwrap();
                assert_eq!(made.as_slice(), theirs, "deterministic, so equal");

                let key = $key::new(public_bytes);
                for at in (0..theirs.len()).step_by(211) {
                    let mut changed = theirs;
                    changed[at] ^= 1 << (at % 8);
                    let by_signer = $libcrux::portable::verify(
                        &key,
                        &message,
                        context,
                        &$signature::new(changed),
                    );
                    assert_eq!(
                        by_signer.is_ok(),
                        public.verify(&message, &changed, context)
                    );
                    assert!(by_signer.is_err(), "byte {at}");
                }
                let empty =
                    $libcrux::portable::verify(&key, &message, b"", &$signature::new(theirs));
                assert_eq!(empty.is_ok(), context.is_empty());

                for number in 0..40 {
                    let forged = forged(u32::from(round) * 40 + number, $hint);
                    let by_verifier = public.verify(&message, &forged, context);
                    let signature = $signature::new(forged);
                    let by_signer = $libcrux::portable::verify(&key, &message, context, &signature);
                    assert!(!by_verifier && by_signer.is_err(), "{number}");
                }
            }
        }
    };
}

both_agree!(
    both_agree_on_ml_dsa_44,
    ml_dsa_44,
    ml_dsa_44,
    MLDSA44Signature,
    MLDSA44VerificationKey,
    84
);
both_agree!(
    both_agree_on_ml_dsa_65,
    ml_dsa_65,
    ml_dsa_65,
    MLDSA65Signature,
    MLDSA65VerificationKey,
    61
);
both_agree!(
    both_agree_on_ml_dsa_87,
    ml_dsa_87,
    ml_dsa_87,
    MLDSA87Signature,
    MLDSA87VerificationKey,
    83
);
