//! The natural logarithm in integers.

/// `1000 * ln(value)`, to within two; 0 for 0 and 1.
pub(super) fn milli_ln(value: u32) -> u16 {
    let Some(exponent) = value.checked_ilog2() else {
        return 0;
    };
    // The leading bits as a number in 1..2, with 31 binary places.
    let shift = 31_u32.saturating_sub(exponent);
    let mut mantissa = u64::from(value.checked_shl(shift).unwrap_or(u32::MAX));
    // Squaring doubles the logarithm, so its next binary digit shows before the point.
    let mut log2 = u64::from(exponent);
    for _ in 0..FRACTION_BITS {
        mantissa = mantissa.saturating_mul(mantissa) >> 31;
        log2 <<= 1;
        if mantissa >> 32 != 0 {
            log2 |= 1;
            mantissa >>= 1;
        }
    }
    let milli = log2.saturating_mul(MICRO_LN_2) >> FRACTION_BITS;
    u16::try_from(milli.checked_div(1_000).unwrap_or(0)).unwrap_or(u16::MAX)
}

const FRACTION_BITS: u32 = 12;
/// `1_000_000 * ln(2)`, rounded.
const MICRO_LN_2: u64 = 693_147;

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn is_the_logarithm_and_never_falls() {
        let mut last = 0;
        let steps = (1..5_000)
            .chain((5_000..u32::MAX).step_by(9_999_991))
            .chain([u32::MAX]);
        for value in steps {
            let milli = milli_ln(value);
            let exact = 1_000.0 * f64::from(value).ln();
            assert!(
                (f64::from(milli) - exact).abs() <= 2.0,
                "{value}: {milli}, {exact}"
            );
            assert!(milli >= last, "{value}");
            last = milli;
        }
        assert_eq!(milli_ln(0), 0);
    }
}
