//! What a shape is found as, and what the shapes share to find it.

/// The mask for the beginning of a text, and how many bytes it stands for.
pub(super) type Found = Option<(&'static str, usize)>;

/// How many bytes from the beginning on are such.
pub(super) fn leading(bytes: &[u8], is_such: impl Fn(&u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| is_such(byte)).count()
}

/// Whether no word goes on at that place.
pub(super) fn is_word_end(bytes: &[u8], at: usize) -> bool {
    !bytes.get(at).is_some_and(u8::is_ascii_alphanumeric)
}
