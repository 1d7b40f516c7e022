//! Memory for bytes whose number is limited.

/// Reserves memory for `more` bytes. It doubles as that of a `Vec` does, but is never more than for `most` bytes: values of nearly the limit
/// would otherwise take twice the limit. `most` includes the bytes that are there.
pub(crate) fn reserve(bytes: &mut Vec<u8>, more: usize, most: usize) {
    /// Less is not worth an allocation of its own.
    const LEAST: usize = 64;
    let needed = bytes.len().saturating_add(more);
    if needed > bytes.capacity() {
        let wanted = bytes.capacity().saturating_mul(2).max(LEAST).min(most).max(needed);
        bytes.reserve_exact(wanted - bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use super::reserve;

    #[test]
    fn memory_doubles_up_to_the_limit() {
        let mut bytes = Vec::new();
        let mut capacities = vec![0];
        for _ in 0..1000 {
            reserve(&mut bytes, 1, 1000);
            bytes.push(0);
            if capacities.last() != Some(&bytes.capacity()) {
                capacities.push(bytes.capacity());
            }
        }
        assert_eq!(capacities, [0, 64, 128, 256, 512, 1000]);
        reserve(&mut bytes, 500, 1000);
        assert!(bytes.capacity() >= 1500, "what is needed is reserved in any case");
    }
}
