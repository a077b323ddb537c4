//! Text that people read: in records, on terminals, in reviews.

/// Whether a character controls a terminal, breaks a line, or turns the direction of writing, so that
/// what is read is not what is written.
#[must_use]
pub fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}
