//! The ML-DSA that verifies (`fips204`) against the one that signs (`libcrux-ml-dsa`).

use fips204::traits::{KeyGen, SerDes, Signer, Verifier};
use libcrux_ml_dsa::{ml_dsa_44, ml_dsa_65, ml_dsa_87};

macro_rules! both_agree {
    ($test:ident, $libcrux:ident, $fips204:ident, $signature:ident, $key:ident) => {
        #[test]
        fn $test() {
            use libcrux_ml_dsa::$libcrux::{$key, $signature};
            for round in 0..8_u8 {
                let seed = [round; 32];
                let ours = $libcrux::portable::generate_key_pair(seed);
                let (public, private) = fips204::$fips204::KG::keygen_from_seed(&seed);
                let public_bytes = public.clone().into_bytes();
                assert_eq!(ours.verification_key.as_slice(), public_bytes);

                let message = vec![round; usize::from(round) * 300];
                let context: &[u8] = if round % 2 == 0 { b"" } else { b"context" };
                let theirs = private
                    .try_sign_with_seed(&[9; 32], &message, context)
                    .unwrap();
                let made = $libcrux::portable::sign(&ours.signing_key, &message, context, [9; 32]);
                let made = made.unwrap();
                assert_eq!(made.as_slice(), theirs, "deterministic, so equal");

                let key = $key::new(public_bytes);
                for at in (0..theirs.len()).step_by(211) {
                    let mut changed = theirs;
                    changed[at] ^= 1 << (at % 8);
                    let by_us = $libcrux::portable::verify(
                        &key,
                        &message,
                        context,
                        &$signature::new(changed),
                    );
                    assert_eq!(by_us.is_ok(), public.verify(&message, &changed, context));
                    assert!(by_us.is_err(), "byte {at}");
                }
                let empty =
                    $libcrux::portable::verify(&key, &message, b"", &$signature::new(theirs));
                assert_eq!(empty.is_ok(), context.is_empty());
            }
        }
    };
}

both_agree!(
    both_agree_on_ml_dsa_44,
    ml_dsa_44,
    ml_dsa_44,
    MLDSA44Signature,
    MLDSA44VerificationKey
);
both_agree!(
    both_agree_on_ml_dsa_65,
    ml_dsa_65,
    ml_dsa_65,
    MLDSA65Signature,
    MLDSA65VerificationKey
);
both_agree!(
    both_agree_on_ml_dsa_87,
    ml_dsa_87,
    ml_dsa_87,
    MLDSA87Signature,
    MLDSA87VerificationKey
);
