// SPDX-License-Identifier: Apache-2.0
//! The bytes of a runtime, in any of the forms in which they are passed around.
//!
//! What is hashed, voted on and stored under `:code` is the deployed form; what is executed is the Wasm inside it.
//! Both are kept, so that nobody hashes the wrong one.

use sp_maybe_compressed_blob::Error;
use worker::{Failure, Result};

/// What a compressed blob begins with; chosen by the node so that no Wasm file begins the same way.
pub const MAGIC: [u8; 8] = [0x52, 0xbc, 0x53, 0x76, 0x46, 0xdb, 0x8e, 0x05];
/// The decompressed size beyond which a node refuses a blob.
pub const CODE_LIMIT: usize = sp_maybe_compressed_blob::CODE_BLOB_BOMB_LIMIT;
/// A hex text of the largest blob, with its prefix and line end, is the largest file worth reading.
pub const FILE_LIMIT: u64 = 2 * CODE_LIMIT as u64 + 16;

const WASM_MAGIC: &[u8] = b"\0asm";
const WASM_VERSION: &[u8] = &[1, 0, 0, 0];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

const EXPECTED: &str =
    "a runtime: Wasm, compressed Wasm with the runtime magic 52bc537646db8e05, or the hex text of either";

/// A runtime as deployed, and the Wasm in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// What a chain stores under `:code`.
    pub deployed: Vec<u8>,
    /// What a node executes; the same bytes when the blob is not compressed.
    pub wasm: Vec<u8>,
    /// Whether `deployed` is compressed, with the runtime's magic prefix.
    pub compressed: bool,
}

impl Blob {
    /// Reads a blob in any of its forms. `name` is what errors call it.
    pub fn parse(name: &str, bytes: Vec<u8>) -> Result<Self> {
        if bytes.is_empty() {
            return Err(Failure::input(format!("{name} is empty")).expected(EXPECTED));
        }
        match hex_text(name, &bytes)? {
            Some(decoded) => Self::from_deployed(name, decoded),
            None => Self::from_deployed(name, bytes),
        }
    }

    /// Reads the bytes a chain holds: no hex text here.
    pub fn from_deployed(name: &str, deployed: Vec<u8>) -> Result<Self> {
        let not_a_runtime = |found: String| Failure::input(format!("{name} is not a runtime")).found(found);
        if deployed.is_empty() {
            return Err(Failure::input(format!("{name} is empty")).expected(EXPECTED));
        }
        let compressed = deployed.starts_with(&MAGIC);
        let wasm = if compressed { decompress(name, &deployed)? } else { deployed.clone() };
        if let Some(rest) = wasm.strip_prefix(WASM_MAGIC) {
            if !rest.starts_with(WASM_VERSION) {
                return Err(not_a_runtime(format!("a Wasm file of version 0x{}", hex::encode(beginning(rest, 4))))
                    .expected("a Wasm module of version 0x01000000"));
            }
            if wasm.len() > CODE_LIMIT {
                return Err(too_large(name).found(format!("{} bytes", wasm.len())));
            }
            return Ok(Self { deployed, wasm, compressed });
        }
        if compressed {
            return Err(not_a_runtime(format!(
                "compressed bytes that begin with 0x{}",
                hex::encode(beginning(&wasm, 8))
            ))
            .expected("Wasm inside the compression, beginning with 0x0061736d"));
        }
        if deployed.starts_with(&ZSTD_MAGIC) {
            return Err(not_a_runtime("zstd data without the runtime magic (it begins with 0x28b52ffd)".into())
                .expected("the magic 52bc537646db8e05 in front of it, without which a node does not decompress")
                .hint("use the *.compact.compressed.wasm file that the Wasm builder wrote"));
        }
        if MAGIC.starts_with(&deployed) || WASM_MAGIC.starts_with(&deployed) {
            return Err(not_a_runtime(format!("only {} bytes: it is cut short", deployed.len())).expected(EXPECTED));
        }
        Err(not_a_runtime(format!("bytes that begin with 0x{}", hex::encode(beginning(&deployed, 8))))
            .expected(EXPECTED))
    }

    /// The same runtime in its compressed form, as the Wasm builder would have written it.
    pub fn to_compressed(&self) -> Result<Self> {
        Ok(Self { deployed: compress(&self.wasm)?, wasm: self.wasm.clone(), compressed: true })
    }
}

/// Puts Wasm into the form that is deployed, as the Wasm builder does: the magic, then zstd at its strongest level.
pub fn compress(wasm: &[u8]) -> Result<Vec<u8>> {
    if wasm.len() > CODE_LIMIT {
        return Err(too_large("the Wasm to compress").found(format!("{} bytes", wasm.len())));
    }
    sp_maybe_compressed_blob::compress_strongly(wasm, CODE_LIMIT)
        .ok_or_else(|| Failure::internal("zstd refused to compress"))
}

/// Decompresses as a node does. The limit is applied while reading: a bomb never gets into memory.
fn decompress(name: &str, deployed: &[u8]) -> Result<Vec<u8>> {
    let broken = |found: String| {
        Failure::input(format!("{name} cannot be decompressed"))
            .found(found)
            .expected("a whole zstd frame after the runtime magic")
            .hint("the file is damaged or cut short: copy or download it again")
    };
    let length = deployed.len() - MAGIC.len();
    if length == 0 {
        return Err(broken("nothing after the runtime magic".into()));
    }
    // The library reserves as much as it is given before it reads.
    if length > CODE_LIMIT {
        return Err(too_large(name).found(format!("{length} bytes already compressed")));
    }
    match sp_maybe_compressed_blob::decompress(deployed, CODE_LIMIT) {
        Ok(wasm) => Ok(wasm.into_owned()),
        Err(Error::PossibleBomb) => Err(too_large(name).found("more than that")),
        Err(Error::Invalid) => Err(broken(format!("{length} bytes that are no whole zstd frame"))),
    }
}

fn too_large(name: &str) -> Failure {
    Failure::input(format!("{name} decompresses past the limit of a node"))
        .expected(format!("at most {CODE_LIMIT} bytes (50 MiB)"))
}

/// The bytes a hex text stands for, or nothing where the bytes are no text of hex digits.
fn hex_text(name: &str, bytes: &[u8]) -> Result<Option<Vec<u8>>> {
    let text = bytes.trim_ascii();
    let (digits, prefixed) = match text.strip_prefix(b"0x") {
        Some(digits) => (digits, true),
        None => (text, false),
    };
    let stray = digits.iter().position(|byte| !byte.is_ascii_hexdigit());
    match stray {
        // Without the prefix only an unbroken run of digits is taken for hex.
        Some(_) if !prefixed => Ok(None),
        _ if digits.is_empty() && !prefixed => Ok(None),
        Some(position) => Err(Failure::input(format!("{name} is not valid hex"))
            .found(format!("the byte 0x{:02x} at digit {position}", digits[position]))
            .expected("0x and hex digits only")),
        None if digits.len() % 2 == 1 => Err(Failure::input(format!("{name} is not valid hex"))
            .found(format!("{} digits", digits.len()))
            .expected("an even number of digits")),
        None => hex::decode(digits)
            .map(Some)
            .map_err(|error| Failure::input(format!("{name} is not valid hex")).found(error.to_string())),
    }
}

fn beginning(bytes: &[u8], length: usize) -> &[u8] {
    bytes.get(..length).unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use worker::Kind;

    /// The smallest Wasm module there is.
    const WASM: &[u8] = b"\0asm\x01\0\0\0";

    /// Weaker than [`compress`], which takes a second to begin.
    fn compressed(content: &[u8]) -> Vec<u8> {
        sp_maybe_compressed_blob::compress_weakly(content, CODE_LIMIT).expect("compressed")
    }

    fn failure(bytes: &[u8]) -> Failure {
        let failure = Blob::parse("blob", bytes.to_vec()).expect_err("refused");
        assert_eq!(failure.kind, Kind::Input);
        assert!(failure.message.starts_with("blob "), "{failure}");
        failure
    }

    #[test]
    fn every_form_of_a_runtime_is_the_same_runtime() {
        let compressed = compressed(WASM);
        let forms = [
            (WASM.to_vec(), false),
            (compressed.clone(), true),
            (hex::encode(WASM).into_bytes(), false),
            (format!("0x{}\n", hex::encode(WASM)).into_bytes(), false),
            (format!("0x{}\r\n", hex::encode(&compressed)).into_bytes(), true),
            (format!("  {}", hex::encode(&compressed).to_uppercase()).into_bytes(), true),
        ];
        for (form, is_compressed) in forms {
            let blob = Blob::parse("blob", form).expect("read");
            assert_eq!(blob.wasm, WASM);
            assert_eq!(blob.compressed, is_compressed);
            assert_eq!(blob.deployed, if is_compressed { compressed.as_slice() } else { WASM });
        }
    }

    #[test]
    fn what_is_compressed_here_is_read_again() {
        let blob = Blob::parse("blob", WASM.to_vec()).expect("read");
        let compressed = blob.to_compressed().expect("compressed");
        assert_eq!(Blob::parse("blob", compressed.deployed.clone()).expect("read"), compressed);
        assert_eq!(compressed.wasm, WASM);
    }

    #[test]
    fn each_bad_input_has_its_own_error() {
        assert_eq!(failure(b"").message, "blob is empty");
        assert_eq!(failure(b"0x").message, "blob is empty");
        assert!(failure(&ZSTD_MAGIC).found.expect("found").contains("zstd data without the runtime magic"));
        assert!(failure(b"hello").found.expect("found").contains("0x68656c6c6f"));
        assert!(failure(b"\0as").found.expect("found").contains("cut short"));
        assert!(failure(&MAGIC).found.expect("found").contains("nothing after"));
        assert!(failure(b"0x00617g").found.expect("found").contains("digit 5"));
        assert!(failure(b"0x006").found.expect("found").contains("3 digits"));
        assert!(failure(b"\0asm\x0d\0\x01\0").found.expect("found").contains("0x0d000100"));
        let wrapped = compressed(b"no Wasm at all");
        assert!(failure(&wrapped).expected.expect("expected").contains("Wasm inside"));
    }

    #[test]
    fn a_frame_cut_short_anywhere_is_refused() {
        let content: Vec<u8> = WASM.iter().copied().chain((0..5000u32).flat_map(|n| (n * n).to_le_bytes())).collect();
        let whole = compressed(&content);
        for length in MAGIC.len()..whole.len() {
            let failure = failure(&whole[..length]);
            assert_eq!(failure.message, "blob cannot be decompressed", "{length}");
        }
        let mut longer = whole;
        longer.push(0);
        assert_eq!(failure(&longer).message, "blob cannot be decompressed");
    }

    #[test]
    fn a_bomb_is_refused_at_the_limit() {
        let frame = compressed(&[WASM, &vec![0; 30 << 20]].concat());
        assert!(frame.len() < 100_000);
        // Two frames: together beyond the limit.
        let bomb = [&frame, &frame[MAGIC.len()..]].concat();
        assert_eq!(failure(&bomb).message, "blob decompresses past the limit of a node");
        let large = [&MAGIC[..], &vec![0; CODE_LIMIT + 1]].concat();
        assert_eq!(failure(&large).message, "blob decompresses past the limit of a node");
    }

    #[test]
    fn a_size_that_a_frame_declares_is_not_believed() {
        // One segment, whose length of eight bytes is 2^40: no memory is reserved for it.
        let frame = [&MAGIC[..], &ZSTD_MAGIC, &[0xe0], &(1u64 << 40).to_le_bytes(), &[1, 0, 0]].concat();
        assert_eq!(failure(&frame).message, "blob cannot be decompressed");
    }
}
