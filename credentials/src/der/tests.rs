use super::*;

#[test]
fn accepts_canonical_elements() {
    for bytes in [
        &[0x05, 0x00][..],
        &[0x01, 0x01, 0xff],
        &[0x02, 0x01, 0x00],
        &[0x02, 0x02, 0x00, 0x80],
        &[0x02, 0x01, 0x80],
        &[0x03, 0x01, 0x00],
        &[0x03, 0x02, 0x07, 0x80],
        &[0x06, 0x03, 0x55, 0x1d, 0x4a],
        &[0x30, 0x05, 0x30, 0x03, 0x01, 0x01, 0x00],
    ] {
        assert_eq!(check(bytes), Ok(()), "{bytes:02x?}");
    }
}

#[test]
fn refuses_what_only_ber_allows() {
    for (bytes, fault) in [
        (&[][..], InvalidDer::Truncated),
        (&[0x30], InvalidDer::Truncated),
        (&[0x30, 0x02, 0x05], InvalidDer::Truncated),
        (&[0x05, 0x00, 0x00], InvalidDer::Trailing),
        (&[0x1f, 0x20, 0x00], InvalidDer::LongTag),
        (&[0x30, 0x80, 0x00, 0x00], InvalidDer::Length),
        (&[0x04, 0x81, 0x01, 0xaa], InvalidDer::Length),
        (&[0x04, 0x82, 0x00, 0x01, 0xaa], InvalidDer::Length),
        (
            &[0x04, 0x84, 0x00, 0x00, 0x00, 0x01, 0xaa],
            InvalidDer::Length,
        ),
        (&[0x04, 0xff], InvalidDer::Length),
        (&[0x01, 0x01, 0x01], InvalidDer::Value),
        (&[0x02, 0x00], InvalidDer::Value),
        (&[0x02, 0x02, 0x00, 0x7f], InvalidDer::Value),
        (&[0x02, 0x02, 0xff, 0x80], InvalidDer::Value),
        (&[0x03, 0x00], InvalidDer::Value),
        (&[0x03, 0x01, 0x01], InvalidDer::Value),
        (&[0x03, 0x02, 0x01, 0x01], InvalidDer::Value),
        (&[0x03, 0x02, 0x08, 0x00], InvalidDer::Value),
        (&[0x05, 0x01, 0x00], InvalidDer::Value),
        (&[0x06, 0x02, 0x80, 0x01], InvalidDer::Value),
        (&[0x06, 0x01, 0x81], InvalidDer::Value),
        (&[0x10, 0x00], InvalidDer::Value),
    ] {
        assert_eq!(check(bytes), Err(fault), "{bytes:02x?}");
    }
}

#[test]
fn refuses_bottomless_nesting() {
    let mut bytes = vec![0x05, 0x00];
    for _ in 0..16 {
        bytes = wrap(SEQUENCE, &[&bytes]);
    }
    assert_eq!(check(&bytes), Ok(()));
    assert_eq!(check(&wrap(SEQUENCE, &[&bytes])), Err(InvalidDer::Depth));
}

#[test]
fn wraps_in_the_shortest_length() {
    for (length, header) in [
        (0, &[0x04, 0x00][..]),
        (0x7f, &[0x04, 0x7f]),
        (0x80, &[0x04, 0x81, 0x80]),
        (0xff, &[0x04, 0x81, 0xff]),
        (0x100, &[0x04, 0x82, 0x01, 0x00]),
        (0x1_0000, &[0x04, 0x83, 0x01, 0x00, 0x00]),
    ] {
        let bytes = wrap(OCTET_STRING, &[&vec![0xaa; length]]);
        assert_eq!(&bytes[..header.len()], header);
        assert_eq!(
            single(&bytes, OCTET_STRING).map(|element| element.contents.len()),
            Ok(length)
        );
    }
}

#[test]
fn gives_whole_bytes_only_without_unused_bits() {
    let element = |bytes| single(bytes, BIT_STRING).unwrap();
    assert_eq!(
        whole_bytes(element(&[0x03, 0x02, 0x00, 0xaa])),
        Ok(&[0xaa][..])
    );
    assert_eq!(
        whole_bytes(element(&[0x03, 0x02, 0x01, 0xaa])),
        Err(InvalidDer::Value)
    );
    assert_eq!(whole_bytes(element(&[0x03, 0x00])), Err(InvalidDer::Value));
}
